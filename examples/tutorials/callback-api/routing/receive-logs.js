'use strict';

// Prints the lines of the severities asked for.
//   node examples/tutorials/callback-api/routing/receive-logs.js warning error

const amqplib = require('oxipc/amqplib/callback_api');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const exchange = 'tutorial.logs.by-severity';
const severities = process.argv.length > 2 ? process.argv.slice(2) : ['info', 'warning', 'error'];

function must(error) {
  if (error) throw error;
}

amqplib.connect(url, (error, connection) => {
  must(error);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.close());
  connection.createChannel((error, channel) => {
    must(error);
    channel.assertExchange(exchange, 'direct', { durable: false }, must);
    channel.assertQueue('', { exclusive: true }, (error, { queue } = {}) => {
      must(error);
      for (const severity of severities) channel.bindQueue(queue, exchange, severity, {}, must);
      const print = ({ fields, content }) => console.log(`Received: ${fields.routingKey}: ${content}`);
      channel.consume(queue, print, { noAck: true }, (error) => {
        must(error);
        console.log(`Waiting for ${severities.join(', ')}`);
      });
    });
  });
});
