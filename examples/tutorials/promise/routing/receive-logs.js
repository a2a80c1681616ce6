'use strict';

// Prints the lines of the severities asked for.
//   node examples/tutorials/promise/routing/receive-logs.js warning error

const amqplib = require('oxipc/amqplib');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const exchange = 'tutorial.logs.by-severity';
const severities = process.argv.length > 2 ? process.argv.slice(2) : ['info', 'warning', 'error'];

async function main() {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.close());

  await channel.assertExchange(exchange, 'direct', { durable: false });
  const { queue } = await channel.assertQueue('', { exclusive: true });
  // One queue may have many bindings; it gets a message once, however many of them match.
  await Promise.all(severities.map((severity) => channel.bindQueue(queue, exchange, severity)));
  const print = ({ fields, content }) => console.log(`Received: ${fields.routingKey}: ${content}`);
  await channel.consume(queue, print, { noAck: true });
  console.log(`Waiting for ${severities.join(', ')}`);
}

main();
