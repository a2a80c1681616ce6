'use strict';

// Puts a greeting into a queue.
//   node examples/tutorials/promise/hello-world/send.js      (broker: AMQP_URL, else amqp://localhost)

const amqplib = require('oxipc/amqplib');

const url = process.env.AMQP_URL ?? 'amqp://localhost';
const queue = 'tutorial.hello';

async function main() {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();

  // Declaring is safe to repeat: whichever of the two programs comes first makes the queue.
  await channel.assertQueue(queue, { durable: false });
  channel.sendToQueue(queue, Buffer.from('Hello World!'));
  console.log('Sent: Hello World!');

  // Closing sends what is still in memory; ending the process at once could lose it.
  await channel.close();
  await connection.close();
}

main();
