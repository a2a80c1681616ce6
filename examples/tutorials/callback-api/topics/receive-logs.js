'use strict';

// Prints the lines whose topic matches one of the patterns: * stands for one word, # for any number of them.
//   node examples/tutorials/callback-api/topics/receive-logs.js 'kernel.*' '#.critical'

const amqplib = require('oxipc/amqplib/callback_api');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const exchange = 'tutorial.logs.by-topic';
const patterns = process.argv.length > 2 ? process.argv.slice(2) : ['#'];

function must(error) {
  if (error) throw error;
}

amqplib.connect(url, (error, connection) => {
  must(error);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.close());
  connection.createChannel((error, channel) => {
    must(error);
    channel.assertExchange(exchange, 'topic', { durable: false }, must);
    channel.assertQueue('', { exclusive: true }, (error, { queue } = {}) => {
      must(error);
      for (const pattern of patterns) channel.bindQueue(queue, exchange, pattern, {}, must);
      const print = ({ fields, content }) => console.log(`Received: ${fields.routingKey}: ${content}`);
      channel.consume(queue, print, { noAck: true }, (error) => {
        must(error);
        console.log(`Waiting for ${patterns.join(', ')}`);
      });
    });
  });
});
