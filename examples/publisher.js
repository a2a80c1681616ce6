'use strict';

// Sends one message to a queue. Any AMQP 0-9-1 broker does: RabbitMQ, or `npx oxipc broker` with nothing to install.
//   node examples/publisher.js [URL]      (else AMQP_URL, else amqp://localhost)

const amqplib = require('oxipc/amqplib');

const url = process.argv[2] ?? process.env.AMQP_URL ?? 'amqp://localhost';
const queue = 'oxipc-example';

async function main() {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();
  await channel.assertQueue(queue, { durable: false });

  const message = 'Hello from the publisher';
  channel.sendToQueue(queue, Buffer.from(message));
  console.log(`Sent: ${message}`);

  await channel.close();
  await connection.close();
}

main().catch((error) => {
  console.error(`Publisher failed: ${error.message}`);
  process.exitCode = 1;
});
