'use strict';

const { prepareBroker } = require('../harness/amqp/brokers');
const { contenders, openClient, untilQueued } = require('../harness/amqp/client');
const { stopwatch } = require('../harness/stopwatch');

const WARM_UP = 20;
const MESSAGES = 200;
const body = Buffer.alloc(1 << 20, 'x');

function consume(client, queue, count) {
  return new Promise((resolve, reject) => {
    let left = count;
    const onMessage = (_message, content) => {
      if (content.length !== body.length) reject(new Error(`a body of ${content.length} bytes`));
      if (--left === 0) resolve();
    };
    client.consume(queue, true, onMessage).catch(reject);
  });
}

module.exports = {
  question: 'How many messages of 1 MiB a second go to a queue, and how many come from it?',
  contenders,
  variants: { RabbitMQ: { broker: 'rabbitmq' }, 'embedded broker': { broker: 'embedded' } },
  metrics: {
    published: { unit: 'per s', better: 'higher' },
    consumed: { unit: 'per s', better: 'higher' },
  },
  prepare: prepareBroker,
  async measure(library, _parameters, { url }) {
    const client = await openClient(library, url);
    const warmUp = await client.openQueue();
    await client.publish(warmUp, body, WARM_UP);
    await consume(client, warmUp, WARM_UP);
    const queue = await client.openQueue();
    const publishing = await stopwatch(async () => {
      await client.publish(queue, body, MESSAGES);
      await untilQueued(client, queue, MESSAGES);
    });
    const consuming = await stopwatch(() => consume(client, queue, MESSAGES));
    await client.close();
    return { published: MESSAGES / publishing.seconds, consumed: MESSAGES / consuming.seconds };
  },
};
