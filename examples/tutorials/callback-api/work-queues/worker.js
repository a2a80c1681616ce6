'use strict';

// Takes tasks, one at a time, and works a second for each dot. Start several: each gets a task when it is free.

const amqplib = require('oxipc/amqplib/callback_api');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const queue = 'tutorial.tasks';

function must(error) {
  if (error) throw error;
}

amqplib.connect(url, (error, connection) => {
  must(error);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => connection.close());
  connection.createChannel((error, channel) => {
    must(error);

    function work(message) {
      const task = message.content.toString();
      console.log(`${message.fields.redelivered ? 'Took over' : 'Received'}: ${task}`);
      setTimeout(
        () => {
          console.log(`Done: ${task}`);
          channel.ack(message);
        },
        task.split('.').length * 1000 - 1000,
      );
    }

    channel.assertQueue(queue, { durable: true }, must);
    channel.prefetch(1);
    channel.consume(queue, work, {}, (error) => {
      must(error);
      console.log('Waiting for tasks');
    });
  });
});
