'use strict';

// Prints the messages of a queue, until SIGTERM or Ctrl-C; see publisher.js.
//   node examples/consumer.js [URL]      (else AMQP_URL, else amqp://localhost)

const amqplib = require('oxipc/amqplib');

const url = process.argv[2] ?? process.env.AMQP_URL ?? 'amqp://localhost';
const queue = 'oxipc-example';

async function main() {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();
  await channel.assertQueue(queue, { durable: false });

  await channel.consume(queue, (message) => console.log(`Received: ${message.content}`), { noAck: true });
  console.log(`Waiting for messages in ${queue}`);

  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => connection.close());
}

main().catch((error) => {
  console.error(`Consumer failed: ${error.message}`);
  process.exitCode = 1;
});
