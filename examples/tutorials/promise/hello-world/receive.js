'use strict';

// Prints what arrives in the queue of send.js, until Ctrl-C.

const amqplib = require('oxipc/amqplib');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const queue = 'tutorial.hello';

async function main() {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.close());

  await channel.assertQueue(queue, { durable: false });
  await channel.consume(queue, (message) => console.log(`Received: ${message.content}`), { noAck: true });
  console.log('Waiting for messages');
}

main();
