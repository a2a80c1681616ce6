'use strict';

// Hands a task to the workers. Each dot in its text stands for a second of work.
//   node examples/tutorials/callback-api/work-queues/new-task.js sort the letters ...

const amqplib = require('oxipc/amqplib/callback_api');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const queue = 'tutorial.tasks';
const task = process.argv.slice(2).join(' ') || 'nothing much.';

// There is nothing to fall back on here: whatever goes wrong ends the program.
function must(error) {
  if (error) throw error;
}

amqplib.connect(url, (error, connection) => {
  must(error);
  connection.createChannel((error, channel) => {
    must(error);
    channel.assertQueue(queue, { durable: true }, (error) => {
      must(error);
      channel.sendToQueue(queue, Buffer.from(task), { persistent: true });
      console.log(`Sent: ${task}`);

      channel.close((error) => {
        must(error);
        connection.close();
      });
    });
  });
});
