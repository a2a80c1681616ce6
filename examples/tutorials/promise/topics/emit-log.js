'use strict';

// Publishes a line of a log under a topic: words with dots between them, here facility.severity.
//   node examples/tutorials/promise/topics/emit-log.js kernel.critical out of memory

const amqplib = require('oxipc/amqplib');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const exchange = 'tutorial.logs.by-topic';
const [topic = 'anonymous.info', ...words] = process.argv.slice(2);
const line = words.join(' ') || 'all is well';

async function main() {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();

  await channel.assertExchange(exchange, 'topic', { durable: false });
  channel.publish(exchange, topic, Buffer.from(line));
  console.log(`Sent: ${topic}: ${line}`);

  await channel.close();
  await connection.close();
}

main();
