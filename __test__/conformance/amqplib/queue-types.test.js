'use strict';

// Quorum queues and streams: RabbitMQ's own queue types, reached by arguments.

const { sideBySideOnRabbitmq } = require('./side-by-side');

const QUORUM = { durable: true, arguments: { 'x-queue-type': 'quorum' } };
const STREAM = { durable: true, arguments: { 'x-queue-type': 'stream', 'x-max-length-bytes': 10_000_000 } };

async function publish(channel, queue, from, to) {
  for (let n = from; n < to; n++) {
    channel.sendToQueue(queue, Buffer.from(`message ${n}`), { messageId: `${n}`, headers: { n } });
  }
  await channel.waitForConfirms();
}

/** Consumes until `enough` messages came, or `isLast(message)`; `settle` acknowledges. Resolves with the messages. */
async function take(channel, queue, { options = {}, enough = Infinity, isLast = () => false, settle }) {
  const taken = [];
  let finish;
  const finished = new Promise((resolve) => (finish = resolve));
  const { consumerTag } = await channel.consume(
    queue,
    (message) => {
      if (taken.length >= enough) return;
      taken.push(message);
      settle?.(message);
      if (taken.length === enough || isLast(message)) finish();
    },
    options,
  );
  await finished;
  await channel.cancel(consumerTag);
  return taken;
}

const plain = ({ fields, properties, content }) => ({
  deliveryTag: fields.deliveryTag,
  redelivered: fields.redelivered,
  headers: properties.headers,
  messageId: properties.messageId,
  content: content.toString(),
});

sideBySideOnRabbitmq('a quorum queue counts deliveries and dead-letters at its limit', async (scenario) => {
  const [queue, dead] = [scenario.name('quorum'), scenario.name('dead')];
  const connection = await scenario.connect();
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(dead, { durable: true });
  const options = {
    durable: true,
    deadLetterExchange: '',
    deadLetterRoutingKey: dead,
    arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 },
  };
  scenario.write(await channel.assertQueue(queue, options));
  await publish(channel, queue, 0, 10);
  await channel.prefetch(3);

  const settle = (message) => channel.ack(message);
  const first = await take(channel, queue, { enough: 10, settle });
  scenario.write(first.map(plain));
  await publish(channel, queue, 10, 11);
  const again = await take(channel, queue, {
    enough: 3,
    settle: (message) => channel.nack(message, false, true),
  });
  scenario.write(again.map(plain));
  const buried = (await take(channel, dead, { enough: 1, settle })).map(plain);
  for (const death of buried[0].headers['x-death']) delete death.time;
  scenario.write(buried);
  await channel.deleteQueue(queue);
  await channel.deleteQueue(dead);
  await connection.close();
});

sideBySideOnRabbitmq('what a quorum queue cannot do gives the same errors', async (scenario) => {
  const queue = scenario.name('limits');
  const connection = await scenario.connect();
  connection.on('error', (error) => scenario.write('connection error', error));
  const attempt = (label, run) =>
    scenario.outcome(label, async () => {
      const channel = await connection.createChannel();
      scenario.watch(label, channel, ['error', 'close']);
      const result = await run(channel);
      await channel.close();
      return result;
    });
  await attempt('exclusive', (channel) => channel.assertQueue(queue, { ...QUORUM, exclusive: true }));
  await attempt('not durable', (channel) => channel.assertQueue(queue, { ...QUORUM, durable: false }));
  await attempt('another type', async (channel) => {
    await channel.assertQueue(queue, QUORUM);
    await channel.assertQueue(queue, { durable: true });
  });
  await attempt('delete', (channel) => channel.deleteQueue(queue));
  await connection.close();
});

sideBySideOnRabbitmq('a stream is read from every kind of offset, as often as wanted', async (scenario) => {
  const queue = scenario.name('stream');
  const connection = await scenario.connect();
  const publisher = await connection.createConfirmChannel();
  scenario.write(await publisher.assertQueue(queue, STREAM));
  await publish(publisher, queue, 0, 40);

  const read = async (label, offset, range) => {
    const channel = await connection.createChannel();
    await channel.prefetch(7);
    const settle = (message) => channel.ack(message);
    const options = offset === undefined ? {} : { arguments: { 'x-stream-offset': offset } };
    const messages = await take(channel, queue, { options, settle, ...range });
    await channel.close();
    scenario.write(label, messages.map(plain));
  };
  await read('first', 'first', { enough: 40 });
  await read('again', 'first', { enough: 10 });
  await read('offset', 25, { enough: 15 });
  await read('timestamp', { '!': 'timestamp', value: 0 }, { enough: 40 });
  // Which messages the last chunk holds is the broker's choice; that it ends with the last one is not.
  const channel = await connection.createChannel();
  await channel.prefetch(100);
  const last = await take(channel, queue, {
    options: { arguments: { 'x-stream-offset': 'last' } },
    isLast: (message) => message.properties.messageId === '39',
    settle: (message) => channel.ack(message),
  });
  scenario.write('last', plain(last.at(-1)).headers, last.at(-1).content.toString());

  const next = take(channel, queue, {
    options: { arguments: { 'x-stream-offset': 'next' }, consumerTag: 'next' },
    enough: 5,
    settle: (message) => channel.ack(message),
  });
  // The consumer is there when the channel has answered what was asked behind it.
  await channel.checkQueue(queue);
  await publish(publisher, queue, 40, 45);
  scenario.write(
    'next',
    (await next).map(({ properties, content }) => [properties.headers, content.toString()]),
  );
  await publisher.deleteQueue(queue);
  await connection.close();
});

sideBySideOnRabbitmq('what a stream cannot do gives the same errors', async (scenario) => {
  const queue = scenario.name('stream-limits');
  const attempt = (label, run) =>
    scenario.outcome(label, async () => {
      const connection = await scenario.connect();
      scenario.watch(`${label}, connection`, connection, ['error', 'close']);
      const channel = await connection.createChannel();
      scenario.watch(label, channel, ['error', 'close']);
      try {
        const result = await run(channel);
        await connection.close();
        return result;
      } finally {
        await connection.close().catch(() => {});
      }
    });
  await attempt('declare', (channel) => channel.assertQueue(queue, STREAM));
  await attempt('consume without prefetch', (channel) => channel.consume(queue, () => {}));
  await attempt('consume with noAck', async (channel) => {
    await channel.prefetch(1);
    return channel.consume(queue, () => {}, { noAck: true });
  });
  await attempt('unknown offset', async (channel) => {
    await channel.prefetch(1);
    return channel.consume(queue, () => {}, { arguments: { 'x-stream-offset': 'yesteryear' } });
  });
  await attempt('get', (channel) => channel.get(queue));
  await attempt('purge', (channel) => channel.purgeQueue(queue));
  await attempt('delete', (channel) => channel.deleteQueue(queue));
});
