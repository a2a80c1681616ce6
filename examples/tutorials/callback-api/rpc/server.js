'use strict';

// Answers requests for Fibonacci numbers. Start several to share the work.

const amqplib = require('oxipc/amqplib/callback_api');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const queue = 'tutorial.rpc';

// The slow way on purpose: an answer worth asking somebody else for.
const fibonacci = (n) => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2));

function must(error) {
  if (error) throw error;
}

amqplib.connect(url, (error, connection) => {
  must(error);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.close());
  connection.createChannel((error, channel) => {
    must(error);

    function answer(request) {
      const n = Number(request.content);
      console.log(`Asked for fibonacci(${n})`);
      const { replyTo, correlationId } = request.properties;
      channel.sendToQueue(replyTo, Buffer.from(String(fibonacci(n))), { correlationId });
      channel.ack(request);
    }

    channel.assertQueue(queue, { durable: false }, must);
    channel.prefetch(1);
    channel.consume(queue, answer, {}, (error) => {
      must(error);
      console.log('Waiting for requests');
    });
  });
});
