'use strict';

// Takes tasks, one at a time, and works a second for each dot. Start several: each gets a task when it is free.

const amqplib = require('oxipc/amqplib');
const { setTimeout: seconds } = require('node:timers/promises');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const queue = 'tutorial.tasks';

async function main() {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.close());

  await channel.assertQueue(queue, { durable: true });
  // No new task before the one at hand is acknowledged; else a slow task would hold up those dealt out behind it.
  await channel.prefetch(1);
  await channel.consume(queue, async (message) => {
    const task = message.content.toString();
    console.log(`${message.fields.redelivered ? 'Took over' : 'Received'}: ${task}`);
    await seconds(task.split('.').length * 1000 - 1000);
    console.log(`Done: ${task}`);
    // Only now: when this process dies before, the broker gives the task to another worker.
    channel.ack(message);
  });
  console.log('Waiting for tasks');
}

main();
