'use strict';

// Prints every line that emit-log.js publishes. Start several: each gets all lines.

const amqplib = require('oxipc/amqplib');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const exchange = 'tutorial.logs';

async function main() {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.close());

  await channel.assertExchange(exchange, 'fanout', { durable: false });
  // A queue for this listener only: the broker names it, and deletes it when the connection ends.
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, exchange, '');
  await channel.consume(queue, (message) => console.log(`Received: ${message.content}`), { noAck: true });
  console.log('Waiting for logs');
}

main();
