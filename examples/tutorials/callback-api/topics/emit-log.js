'use strict';

// Publishes a line of a log under a topic: words with dots between them, here facility.severity.
//   node examples/tutorials/callback-api/topics/emit-log.js kernel.critical out of memory

const amqplib = require('oxipc/amqplib/callback_api');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const exchange = 'tutorial.logs.by-topic';
const [topic = 'anonymous.info', ...words] = process.argv.slice(2);
const line = words.join(' ') || 'all is well';

// There is nothing to fall back on here: whatever goes wrong ends the program.
function must(error) {
  if (error) throw error;
}

amqplib.connect(url, (error, connection) => {
  must(error);
  connection.createChannel((error, channel) => {
    must(error);
    channel.assertExchange(exchange, 'topic', { durable: false }, (error) => {
      must(error);
      channel.publish(exchange, topic, Buffer.from(line));
      console.log(`Sent: ${topic}: ${line}`);

      channel.close((error) => {
        must(error);
        connection.close();
      });
    });
  });
});
