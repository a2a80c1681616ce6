'use strict';

// Publishes a line of a log to all who listen at that moment.
//   node examples/tutorials/promise/publish-subscribe/emit-log.js the disk is nearly full

const amqplib = require('oxipc/amqplib');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const exchange = 'tutorial.logs';
const line = process.argv.slice(2).join(' ') || 'all is well';

async function main() {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();

  // A fanout exchange copies to every queue bound to it, so there is no routing key. Without listeners the line is gone.
  await channel.assertExchange(exchange, 'fanout', { durable: false });
  channel.publish(exchange, '', Buffer.from(line));
  console.log(`Sent: ${line}`);

  await channel.close();
  await connection.close();
}

main();
