'use strict';

// Prints what arrives in the queue of send.js, until Ctrl-C.

const amqplib = require('oxipc/amqplib/callback_api');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const queue = 'tutorial.hello';

function must(error) {
  if (error) throw error;
}

amqplib.connect(url, (error, connection) => {
  must(error);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.close());
  connection.createChannel((error, channel) => {
    must(error);
    channel.assertQueue(queue, { durable: false }, must);
    const print = (message) => console.log(`Received: ${message.content}`);
    channel.consume(queue, print, { noAck: true }, (error) => {
      must(error);
      console.log('Waiting for messages');
    });
  });
});
