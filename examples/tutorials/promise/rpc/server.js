'use strict';

// Answers requests for Fibonacci numbers. Start several to share the work.

const amqplib = require('oxipc/amqplib');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const queue = 'tutorial.rpc';

// The slow way on purpose: an answer worth asking somebody else for.
const fibonacci = (n) => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2));

async function main() {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.close());

  await channel.assertQueue(queue, { durable: false });
  await channel.prefetch(1);
  await channel.consume(queue, (request) => {
    const n = Number(request.content);
    console.log(`Asked for fibonacci(${n})`);
    const { replyTo, correlationId } = request.properties;
    channel.sendToQueue(replyTo, Buffer.from(String(fibonacci(n))), { correlationId });
    channel.ack(request);
  });
  console.log('Waiting for requests');
}

main();
