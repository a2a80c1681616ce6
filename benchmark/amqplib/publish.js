'use strict';

const { once } = require('node:events');
const { startPartner } = require('../harness/partner');
const { mainThreadCpu } = require('../harness/thread-cpu');

const WARM_UP = 10_000;
const MESSAGES = 100_000;
const PER_TURN = 100;
const body = Buffer.alloc(100, 'x');

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

async function publish(channel, queue, count) {
  for (let sent = 0; sent < count; ) {
    let writable = true;
    for (let i = 0; i < PER_TURN && sent < count; i++, sent++) writable = channel.sendToQueue(queue, body);
    if (!writable) await once(channel, 'drain');
    else await nextTurn();
  }
  // Answered after everything before it on the channel has been read and queued.
  return (await channel.checkQueue(queue)).messageCount;
}

module.exports = {
  question:
    'How many 100-byte messages a second go to a queue of the embedded broker, and what does one cost?',
  contenders: { oxipc: 'oxipc/amqplib', amqplib: 'amqplib' },
  metrics: {
    messages: { unit: 'per s', better: 'higher' },
    CPU: { unit: 'µs of the main thread per message', better: 'lower' },
  },
  prepare: () => startPartner('embedded-broker.js'),
  async measure(amqplib, _parameters, { url }) {
    const connection = await amqplib.connect(url);
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await publish(channel, queue, WARM_UP);
    await channel.purgeQueue(queue);
    const start = process.hrtime.bigint();
    const before = mainThreadCpu();
    const queued = await publish(channel, queue, MESSAGES);
    const cpu = mainThreadCpu() - before;
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    if (queued !== MESSAGES) throw new Error(`${queued} of ${MESSAGES} messages are in the queue`);
    await connection.close();
    return { messages: MESSAGES / seconds, CPU: cpu / MESSAGES };
  },
};
