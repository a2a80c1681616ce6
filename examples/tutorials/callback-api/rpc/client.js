'use strict';

// Asks the server for Fibonacci numbers.
//   node examples/tutorials/callback-api/rpc/client.js 10 20 30

const amqplib = require('oxipc/amqplib/callback_api');
const { randomUUID } = require('node:crypto');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const queue = 'tutorial.rpc';
const numbers = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [30];

function must(error) {
  if (error) throw error;
}

amqplib.connect(url, (error, connection) => {
  must(error);
  connection.createChannel((error, channel) => {
    must(error);
    const asked = new Map();

    // Answers may come in any order: the correlation id, which the server sends back, tells which is which.
    function onReply({ properties, content }) {
      const n = asked.get(properties.correlationId);
      if (n === undefined) return;
      asked.delete(properties.correlationId);
      console.log(`fibonacci(${n}) = ${content}`);
      if (asked.size === 0) connection.close();
    }

    channel.assertQueue('', { exclusive: true }, (error, { queue: replyTo } = {}) => {
      must(error);
      channel.consume(replyTo, onReply, { noAck: true });
      for (const n of numbers) {
        const correlationId = randomUUID();
        asked.set(correlationId, n);
        channel.sendToQueue(queue, Buffer.from(String(n)), { correlationId, replyTo });
      }
    });
  });
});
