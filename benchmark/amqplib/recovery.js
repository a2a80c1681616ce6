'use strict';

const { prepareBroker } = require('../harness/amqp/brokers');
const { openClient } = require('../harness/amqp/client');
const { stopwatch } = require('../harness/stopwatch');

const WARM_UP = 20_000;

module.exports = {
  question: 'What does recovery add to a publish?',
  contenders: { oxipc: '../amqplib/recovery.js', 'without recovery': 'oxipc/amqplib', amqplib: 'amqplib' },
  variants: {
    'confirmed, 100 B': { broker: 'embedded', messages: 100_000, bytes: 100, confirmed: true },
    'confirmed, 4 KiB': { broker: 'embedded', messages: 40_000, bytes: 4096, confirmed: true },
    'plain, 100 B': { broker: 'embedded', messages: 100_000, bytes: 100 },
  },
  metrics: {
    messages: { unit: 'per s', better: 'higher' },
    CPU: { unit: 'µs of the main thread per message', better: 'lower' },
  },
  prepare: prepareBroker,
  /** As a contender: ours with recovery. */
  connect: (url) => require('oxipc/amqplib').connect(url, { recovery: true }),
  async measure(library, { messages, bytes, confirmed }, { url }) {
    const client = await openClient(library, url);
    if (confirmed) await client.confirm();
    const { queue } = await client.channel.assertQueue('', { exclusive: true, maxLength: 1000 });
    const body = Buffer.alloc(bytes, 'x');
    const publish = async (count) => {
      if (confirmed) await client.publishConfirmed(queue, body, count);
      else await client.publish(queue, body, count);
      await client.countMessages(queue);
    };
    await publish(WARM_UP);
    const { seconds, cpu } = await stopwatch(() => publish(messages));
    await client.close();
    return { messages: messages / seconds, CPU: cpu / messages };
  },
};
