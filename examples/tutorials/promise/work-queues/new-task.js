'use strict';

// Hands a task to the workers. Each dot in its text stands for a second of work.
//   node examples/tutorials/promise/work-queues/new-task.js sort the letters ...

const amqplib = require('oxipc/amqplib');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const queue = 'tutorial.tasks';
const task = process.argv.slice(2).join(' ') || 'nothing much.';

async function main() {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();

  // Both are needed for a task to outlive a restart of the broker: a durable queue and a persistent message.
  await channel.assertQueue(queue, { durable: true });
  channel.sendToQueue(queue, Buffer.from(task), { persistent: true });
  console.log(`Sent: ${task}`);

  await channel.close();
  await connection.close();
}

main();
