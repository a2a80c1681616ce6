// Publishes and consumes without end through amqp-connection-manager until the broker was away once, then finishes.

const amqp = require('amqp-connection-manager');
const { Count, loadedAmqplib, tell } = require('./report');

const [url] = process.argv.slice(2);
const queue = 'clients.amqp-connection-manager';
const count = new Count();
let connects = 0;
let confirmedAfter = 0;

async function main() {
  const connection = amqp.connect([url], { heartbeatIntervalInSeconds: 5, reconnectTimeInSeconds: 1 });
  connection.on('connect', () => {
    connects += 1;
    tell('connect');
  });
  connection.on('disconnect', ({ err }) => tell('disconnect', { message: err?.message }));

  const channel = connection.createChannel({
    json: true,
    setup: async (raw) => {
      await raw.assertQueue(queue, { durable: true });
      await raw.prefetch(50);
      await raw.consume(queue, (message) => {
        count.receive(JSON.parse(message.content).n);
        raw.ack(message);
      });
    },
  });
  await channel.waitForConnect();

  const isEnough = () => connects > 1 && confirmedAfter >= 300;
  for (let n = 0; !isEnough(); n++) {
    // Offline it waits inside, and is sent when the connection is back.
    try {
      await channel.sendToQueue(queue, { n }, { persistent: true });
    } catch (error) {
      // What was on its way when the connection broke is the publisher's to decide.
      if (error.message !== 'channel closed') throw error;
      continue;
    }
    count.confirmed.add(n);
    if (connects > 1) confirmedAfter += 1;
    if (count.confirmed.size === 300) tell('busy');
  }
  await count.complete();
  await channel.deleteQueue(queue);
  await connection.close();
  tell('done', { connects, confirmed: count.confirmed.size, loaded: loadedAmqplib() });
  process.disconnect();
}

main();
