'use strict';

// connection.blocked of brokers that are really short of memory: both libraries tell the same, in the same order.

const { after } = require('node:test');

const { createBroker } = require('../../../lib/broker');
const { startRabbitmq } = require('../../../scripts/rabbitmq-server');
const { ownRabbitmq } = require('../../support/rabbitmq');
const { next, sideBySide } = require('./side-by-side');

const LIMIT_BYTES = 100_000;
const opened = {};

async function openEmbedded() {
  opened.embedded ??= createBroker({ port: 0, memoryHighWatermark: LIMIT_BYTES });
  return (await opened.embedded).url;
}

async function openRabbitmq() {
  opened.rabbitmq ??= startRabbitmq();
  return (await opened.rabbitmq).url;
}

after(async () => {
  await (await opened.embedded)?.close();
  await (await opened.rabbitmq)?.stop();
});

/** What fills the broker's memory, and what makes room again. */
const memory = {
  'embedded broker': {
    fill: (channel, queue) => channel.sendToQueue(queue, Buffer.alloc(2 * LIMIT_BYTES)),
    free: (channel, queue) => channel.purgeQueue(queue),
  },
  RabbitMQ: {
    async fill(channel, queue) {
      await (await opened.rabbitmq).ctl('set_vm_memory_high_watermark', '0.0000001');
      channel.sendToQueue(queue, Buffer.alloc(1));
    },
    async free(channel, queue) {
      await channel.purgeQueue(queue);
      await (await opened.rabbitmq).ctl('set_vm_memory_high_watermark', '0.9');
    },
  },
};

const brokers = [
  { name: 'RabbitMQ', skip: ownRabbitmq.skip, open: openRabbitmq },
  { name: 'embedded broker', skip: false, open: openEmbedded },
];

for (const broker of brokers) {
  const { fill, free } = memory[broker.name];
  sideBySide(
    'a broker without memory blocks who publishes, and nobody else',
    async (scenario) => {
      const publishing = await scenario.connect();
      const other = await scenario.connect();
      scenario.watch('publishing', publishing, ['blocked', 'unblocked', 'error', 'close']);
      scenario.watch('other', other, ['blocked', 'unblocked', 'error', 'close']);
      const publisher = await publishing.createChannel();
      const channel = await other.createChannel();
      const { queue } = await channel.assertQueue(scenario.name('q'), { durable: false });
      for (let round = 0; round < 2; round++) {
        const blocked = next(publishing, 'blocked');
        await fill(publisher, queue);
        await blocked;
        const unblocked = next(publishing, 'unblocked');
        // Waits in the broker's door.
        const waiting = publisher.checkQueue(queue).then(() => scenario.write('answered'));
        await free(channel, queue);
        await unblocked;
        await waiting;
      }
      await channel.deleteQueue(queue);
      await publishing.close();
      await other.close();
    },
    [broker],
  );
}
