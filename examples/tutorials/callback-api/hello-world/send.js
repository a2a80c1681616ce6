'use strict';

// Puts a greeting into a queue.
//   node examples/tutorials/callback-api/hello-world/send.js      (broker: AMQP_URL, else amqp://localhost)

const amqplib = require('oxipc/amqplib/callback_api');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const queue = 'tutorial.hello';

// There is nothing to fall back on here: whatever goes wrong ends the program.
function must(error) {
  if (error) throw error;
}

amqplib.connect(url, (error, connection) => {
  must(error);
  connection.createChannel((error, channel) => {
    must(error);
    channel.assertQueue(queue, { durable: false }, (error) => {
      must(error);
      channel.sendToQueue(queue, Buffer.from('Hello World!'));
      console.log('Sent: Hello World!');

      // Closing sends what is still in memory; ending the process at once could lose it.
      channel.close((error) => {
        must(error);
        connection.close();
      });
    });
  });
});
