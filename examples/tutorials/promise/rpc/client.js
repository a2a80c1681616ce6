'use strict';

// Asks the server for Fibonacci numbers.
//   node examples/tutorials/promise/rpc/client.js 10 20 30

const amqplib = require('oxipc/amqplib');
const { randomUUID } = require('node:crypto');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const queue = 'tutorial.rpc';
const numbers = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [30];

async function main() {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();

  // One queue takes all answers. The correlation id, which the server sends back, tells which question each one answers.
  const { queue: replyTo } = await channel.assertQueue('', { exclusive: true });
  const waiting = new Map();
  const onReply = ({ properties, content }) => waiting.get(properties.correlationId)?.(Number(content));
  await channel.consume(replyTo, onReply, { noAck: true });

  function ask(n) {
    const correlationId = randomUUID();
    channel.sendToQueue(queue, Buffer.from(String(n)), { correlationId, replyTo });
    return new Promise((resolve) => waiting.set(correlationId, resolve));
  }

  const answers = await Promise.all(numbers.map(ask));
  for (const [index, n] of numbers.entries()) console.log(`fibonacci(${n}) = ${answers[index]}`);
  await connection.close();
}

main();
