'use strict';

// Prints the lines whose topic matches one of the patterns: * stands for one word, # for any number of them.
//   node examples/tutorials/promise/topics/receive-logs.js 'kernel.*' '#.critical'

const amqplib = require('oxipc/amqplib');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const exchange = 'tutorial.logs.by-topic';
const patterns = process.argv.length > 2 ? process.argv.slice(2) : ['#'];

async function main() {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.close());

  await channel.assertExchange(exchange, 'topic', { durable: false });
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await Promise.all(patterns.map((pattern) => channel.bindQueue(queue, exchange, pattern)));
  const print = ({ fields, content }) => console.log(`Received: ${fields.routingKey}: ${content}`);
  await channel.consume(queue, print, { noAck: true });
  console.log(`Waiting for ${patterns.join(', ')}`);
}

main();
