'use strict';

// Publishes a line of a log under its severity.
//   node examples/tutorials/promise/routing/emit-log.js error the disk is full

const amqplib = require('oxipc/amqplib');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const exchange = 'tutorial.logs.by-severity';
const [severity = 'info', ...words] = process.argv.slice(2);
const line = words.join(' ') || 'all is well';

async function main() {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();

  // A direct exchange delivers where the binding's key is the message's routing key.
  await channel.assertExchange(exchange, 'direct', { durable: false });
  channel.publish(exchange, severity, Buffer.from(line));
  console.log(`Sent: ${severity}: ${line}`);

  await channel.close();
  await connection.close();
}

main();
