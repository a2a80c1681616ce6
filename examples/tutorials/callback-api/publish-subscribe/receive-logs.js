'use strict';

// Prints every line that emit-log.js publishes. Start several: each gets all lines.

const amqplib = require('oxipc/amqplib/callback_api');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const exchange = 'tutorial.logs';

function must(error) {
  if (error) throw error;
}

amqplib.connect(url, (error, connection) => {
  must(error);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.close());
  connection.createChannel((error, channel) => {
    must(error);
    channel.assertExchange(exchange, 'fanout', { durable: false }, must);
    channel.assertQueue('', { exclusive: true }, (error, { queue } = {}) => {
      must(error);
      channel.bindQueue(queue, exchange, '', {}, must);
      const print = (message) => console.log(`Received: ${message.content}`);
      channel.consume(queue, print, { noAck: true }, (error) => {
        must(error);
        console.log('Waiting for logs');
      });
    });
  });
});
