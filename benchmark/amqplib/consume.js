'use strict';

const { prepareBroker } = require('../harness/amqp/brokers');
const { contenders, openClient, untilQueued } = require('../harness/amqp/client');
const { longestStall, stopwatch } = require('../harness/stopwatch');

const WARM_UP = 20_000;
const PREFETCH = 500;
const body = Buffer.alloc(100, 'x');

async function consume(client, queue, count, noAck) {
  let consuming;
  await new Promise((resolve, reject) => {
    let left = count;
    consuming = client.consume(queue, noAck, (message, content) => {
      if (content.length !== body.length) reject(new Error(`a body of ${content.length} bytes`));
      if (!noAck) client.ack(message);
      if (--left === 0) resolve();
    });
    consuming.catch(reject);
  });
  return () => consuming.then((consumerTag) => client.cancel(consumerTag));
}

module.exports = {
  question:
    'How many 100-byte messages a second come from a queue, what does one cost, and for how long do other events wait?',
  contenders,
  variants: {
    'RabbitMQ, noAck': { broker: 'rabbitmq', messages: 200_000, noAck: true },
    'RabbitMQ, prefetch 500, ack each': { broker: 'rabbitmq', messages: 100_000, noAck: false },
    'embedded broker, noAck': { broker: 'embedded', messages: 200_000, noAck: true },
    'embedded broker, prefetch 500, ack each': { broker: 'embedded', messages: 200_000, noAck: false },
  },
  metrics: {
    messages: { unit: 'per s', better: 'higher' },
    CPU: { unit: 'µs of the main thread per message', better: 'lower' },
    stall: { unit: 'ms of CPU between two timers, longest', better: 'lower' },
  },
  prepare: prepareBroker,
  async measure(library, { messages, noAck }, { url }) {
    const client = await openClient(library, url);
    const queue = await client.openQueue();
    await client.publish(queue, body, WARM_UP);
    if (!noAck) await client.prefetch(PREFETCH);
    await (await consume(client, queue, WARM_UP, noAck))();
    await client.publish(queue, body, messages);
    await untilQueued(client, queue, messages);
    let watch;
    const stall = await longestStall(async () => {
      watch = await stopwatch(() => consume(client, queue, messages, noAck));
    });
    const { seconds, cpu } = watch;
    await client.close();
    return { messages: messages / seconds, CPU: cpu / messages, stall };
  },
};
