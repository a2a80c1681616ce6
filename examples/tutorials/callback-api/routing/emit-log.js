'use strict';

// Publishes a line of a log under its severity.
//   node examples/tutorials/callback-api/routing/emit-log.js error the disk is full

const amqplib = require('oxipc/amqplib/callback_api');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const exchange = 'tutorial.logs.by-severity';
const [severity = 'info', ...words] = process.argv.slice(2);
const line = words.join(' ') || 'all is well';

// There is nothing to fall back on here: whatever goes wrong ends the program.
function must(error) {
  if (error) throw error;
}

amqplib.connect(url, (error, connection) => {
  must(error);
  connection.createChannel((error, channel) => {
    must(error);
    channel.assertExchange(exchange, 'direct', { durable: false }, (error) => {
      must(error);
      channel.publish(exchange, severity, Buffer.from(line));
      console.log(`Sent: ${severity}: ${line}`);

      channel.close((error) => {
        must(error);
        connection.close();
      });
    });
  });
});
