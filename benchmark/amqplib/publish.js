'use strict';

const { prepareBroker } = require('../harness/amqp/brokers');
const { contenders, openClient, untilQueued } = require('../harness/amqp/client');
const { stopwatch } = require('../harness/stopwatch');

const WARM_UP = 20_000;
const body = Buffer.alloc(100, 'x');

module.exports = {
  question: 'How many 100-byte messages a second go to a queue, and what does one cost?',
  contenders,
  variants: {
    RabbitMQ: { broker: 'rabbitmq', messages: 200_000 },
    'embedded broker': { broker: 'embedded', messages: 200_000 },
    'embedded broker, each confirmed': { broker: 'embedded', messages: 200_000, confirmed: true },
  },
  metrics: {
    messages: { unit: 'per s', better: 'higher' },
    CPU: { unit: 'µs of the main thread per message', better: 'lower' },
  },
  prepare: prepareBroker,
  async measure(library, { messages, confirmed }, { url }) {
    const client = await openClient(library, url);
    if (confirmed) await client.confirm();
    const queue = await client.openQueue();
    const publish = async (count) => {
      if (confirmed) await client.publishConfirmed(queue, body, count);
      else await client.publish(queue, body, count);
    };
    await publish(WARM_UP);
    await untilQueued(client, queue, WARM_UP);
    const { seconds, cpu } = await stopwatch(async () => {
      await publish(messages);
      await untilQueued(client, queue, WARM_UP + messages);
    });
    await client.close();
    return { messages: messages / seconds, CPU: cpu / messages };
  },
};
