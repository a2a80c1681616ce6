'use strict';

// Publishes a line of a log to all who listen at that moment.
//   node examples/tutorials/callback-api/publish-subscribe/emit-log.js the disk is nearly full

const amqplib = require('oxipc/amqplib/callback_api');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const exchange = 'tutorial.logs';
const line = process.argv.slice(2).join(' ') || 'all is well';

// There is nothing to fall back on here: whatever goes wrong ends the program.
function must(error) {
  if (error) throw error;
}

amqplib.connect(url, (error, connection) => {
  must(error);
  connection.createChannel((error, channel) => {
    must(error);
    channel.assertExchange(exchange, 'fanout', { durable: false }, (error) => {
      must(error);
      channel.publish(exchange, '', Buffer.from(line));
      console.log(`Sent: ${line}`);

      channel.close((error) => {
        must(error);
        connection.close();
      });
    });
  });
});
