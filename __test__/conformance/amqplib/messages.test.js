'use strict';

// Messages: what publish takes and refuses, what consumers and get are given.

const { next, sideBySide } = require('./side-by-side');

async function roundTrip(channel, queue, content, options) {
  channel.sendToQueue(queue, content, options);
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (message) return message;
  }
}

const FULL = {
  contentType: 'text/plain',
  contentEncoding: 'utf-8',
  headers: { text: 'text', number: 1 },
  persistent: true,
  priority: 7,
  correlationId: 'correlation',
  replyTo: 'reply',
  expiration: 60000,
  messageId: 'message',
  timestamp: 1234567890123,
  type: 'type',
  userId: 'guest',
  appId: 'app',
};

sideBySide('every property of a message arrives alike', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const cases = [
    undefined,
    null,
    {},
    FULL,
    { ...FULL, headers: {} },
    FULL,
    { persistent: false },
    { deliveryMode: 1 },
    { deliveryMode: 2 },
    { deliveryMode: true },
    { deliveryMode: false },
    { persistent: false, deliveryMode: 2 },
    { expiration: '5000' },
    { CC: 'other', BCC: ['hidden', 'more'] },
    { CC: ['a', 5], headers: { CC: 'lost', kept: true } },
    { headers: Object.create({ inherited: 'yes' }) },
    { headers: { gone: undefined, empty: null } },
    { contentType: null, priority: 0, timestamp: 0, correlationId: '' },
    { mandatory: true },
    { contentType: 'é'.repeat(100), messageId: 'ü' },
  ];
  for (const options of cases) {
    const message = await roundTrip(channel, queue, Buffer.from('content'), options);
    const { fields, properties, content } = message;
    scenario.write(Object.keys(message), Object.keys(fields), Object.keys(properties));
    scenario.write({ ...fields, deliveryTag: 0 }, properties, content);
    scenario.write(Object.getPrototypeOf(properties) === Object.prototype, Buffer.isBuffer(content));
  }
  await connection.close();
});

sideBySide('bodies of all sizes arrive whole', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  for (const size of [0, 1, 2047, 4096, 16383, 16384, 65536, 131064, 131065, 1 << 20, 3_000_000]) {
    const body = Buffer.alloc(size);
    for (let index = 0; index < size; index++) body[index] = index * 31;
    const { content } = await roundTrip(channel, queue, body);
    scenario.write(size, content.length, content.equals(body));
  }
  await connection.close();
});

sideBySide('publish throws for the same arguments with the same errors', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createChannel();
  const body = Buffer.from('body');
  const attempts = {
    'no content': () => channel.publish('', 'key'),
    'text content': () => channel.publish('', 'key', 'text'),
    'array content': () => channel.publish('', 'key', new Uint8Array(4)),
    'exchange number': () => channel.publish(5, 'key', body),
    'exchange null': () => channel.publish(null, 'key', body),
    'key number': () => channel.publish('', 5, body),
    'key too long': () => channel.publish('', 'ü'.repeat(128), body),
    'long key fits': () => channel.publish('', 'k'.repeat(255), body),
    'key undefined': () => channel.publish('', undefined, body),
    'headers text': () => channel.publish('', 'key', body, { headers: 'text' }),
    'headers function': () => channel.publish('', 'key', body, { headers: () => {} }),
    'header symbol': () => channel.publish('', 'key', body, { headers: { key: Symbol('s') } }),
    'header bigint': () => channel.publish('', 'key', body, { headers: { key: 5n } }),
    'header name': () => channel.publish('', 'key', body, { headers: { ['n'.repeat(256)]: 1 } }),
    'contentType number': () => channel.publish('', 'key', body, { contentType: 5 }),
    'contentType long': () => channel.publish('', 'key', body, { contentType: 'x'.repeat(256) }),
    'contentEncoding object': () => channel.publish('', 'key', body, { contentEncoding: {} }),
    'priority text': () => channel.publish('', 'key', body, { priority: 'high' }),
    'priority NaN': () => channel.publish('', 'key', body, { priority: NaN }),
    'priority large': () => channel.publish('', 'key', body, { priority: 256 }),
    'correlationId number': () => channel.publish('', 'key', body, { correlationId: 5 }),
    'replyTo number': () => channel.publish('', 'key', body, { replyTo: 5 }),
    'expiration null': () => channel.publish('', 'key', body, { expiration: null }),
    'messageId number': () => channel.publish('', 'key', body, { messageId: 5 }),
    'timestamp text': () => channel.publish('', 'key', body, { timestamp: 'now' }),
    'timestamp fraction': () => channel.publish('', 'key', body, { timestamp: 1.5 }),
    'timestamp negative': () => channel.publish('', 'key', body, { timestamp: -1 }),
    'timestamp date': () => channel.publish('', 'key', body, { timestamp: new Date(0) }),
    'type number': () => channel.publish('', 'key', body, { type: 5 }),
    'userId number': () => channel.publish('', 'key', body, { userId: 5 }),
    'appId number': () => channel.publish('', 'key', body, { appId: 5 }),
    'two wrong': () => channel.publish('', 'key', body, { appId: 5, contentType: 5 }),
    'wrong and content': () => channel.publish(5, 'key', 'text', { appId: 5 }),
    fine: () => channel.publish('', 'key', body, {}),
  };
  for (const [label, attempt] of Object.entries(attempts)) await scenario.outcome(label, attempt);
  scenario.write(await channel.assertQueue('', { exclusive: true }));
  await connection.close();
});

sideBySide('publish gives false and drain follows at the same count', async (scenario) => {
  const connection = await scenario.connect();
  for (const highWaterMark of [1, 2, 5, 16, undefined]) {
    const channel = await connection.createChannel({ highWaterMark });
    const { queue } = await channel.assertQueue('', { exclusive: true });
    for (const size of [10, 5000]) {
      let count = 1;
      while (channel.sendToQueue(queue, Buffer.alloc(size))) count++;
      scenario.write(highWaterMark, size, count, channel.sendToQueue(queue, Buffer.alloc(size)));
      await next(channel, 'drain');
      scenario.write(highWaterMark === 1 || channel.sendToQueue(queue, Buffer.alloc(size)));
      // Its buffers are empty a few turns later.
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    await channel.close();
  }
  await connection.close();
});

sideBySide('get gives a message with its count, or false', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue(scenario.name('get'), { exclusive: true });
  scenario.write(await channel.get(queue));
  channel.sendToQueue(queue, Buffer.from('one'));
  channel.sendToQueue(queue, Buffer.from('two'), { headers: { n: 2 } });
  await channel.checkQueue(queue);
  const [one, two, none] = await Promise.all([channel.get(queue), channel.get(queue), channel.get(queue)]);
  scenario.write(one, two, none);
  scenario.write(channel.nack(one), channel.reject(two));
  scenario.write(await channel.get(queue, { noAck: true }), await channel.get(queue));
  channel.nackAll(false);
  scenario.write(await channel.checkQueue(queue));
  await connection.close();
});

sideBySide('consumers get deliveries, are cancelled, and hear of a deleted queue', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createChannel();
  const queue = scenario.name('consume');
  await channel.assertQueue(queue, { durable: false });
  scenario.watch('channel', channel, ['cancel', 'delivery', 'close', 'error']);
  let arrived = [];
  let enough;
  const collect = (count) => {
    arrived = [];
    return new Promise((resolve) => (enough = { count, resolve }));
  };
  const onMessage = (message) => {
    arrived.push(message);
    if (arrived.length === enough.count) enough.resolve(arrived);
  };
  const options = { consumerTag: 'mine', priority: 5, exclusive: true, noLocal: false, arguments: {} };
  scenario.write(await channel.consume(queue, onMessage, options));
  let collected = collect(3);
  for (const text of ['a', 'b', 'c']) channel.sendToQueue(queue, Buffer.from(text));
  scenario.write(await collected);
  scenario.write(channel.ack(arrived[0]), channel.ack(arrived[2], true));
  scenario.write(await channel.cancel('mine'));
  scenario.write(await channel.checkQueue(queue));
  scenario.write(await channel.cancel('unknown'));
  await channel.consume(queue, onMessage, { noAck: true });
  collected = collect(1);
  await channel.deleteQueue(queue);
  scenario.write(await collected);
  await connection.close();
});

sideBySide('deliveries for a consumer that is no function close the channel', async (scenario) => {
  const connection = await scenario.connect();
  for (const consumer of [undefined, null, 0, 'text']) {
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    const failed = new Promise((resolve) => channel.once('error', resolve));
    await channel.consume(queue, consumer, { consumerTag: 'none' });
    channel.sendToQueue(queue, Buffer.from('x'));
    scenario.write(await failed);
  }
  await connection.close();
});

sideBySide('acknowledging what is not there closes the channel alike', async (scenario) => {
  const connection = await scenario.connect();
  const attempts = {
    'unknown tag': (channel) => channel.ack({ fields: { deliveryTag: 5 } }),
    twice: (channel, message) => {
      channel.ack(message);
      channel.ack(message);
    },
    'reject unknown': (channel) => channel.reject({ fields: { deliveryTag: 9 } }),
    'nack unknown': (channel) => channel.nack({ fields: { deliveryTag: 9 } }, true),
  };
  for (const [label, attempt] of Object.entries(attempts)) {
    const channel = await connection.createChannel();
    scenario.watch(label, channel, ['error', 'close']);
    const { queue } = await channel.assertQueue('', { exclusive: true });
    channel.sendToQueue(queue, Buffer.from('one'));
    const message = await new Promise((resolve) => channel.consume(queue, resolve));
    const closed = next(channel, 'close');
    attempt(channel, message);
    await closed;
  }
  await connection.close();
});

sideBySide('mandatory messages without a queue come back before they are confirmed', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createConfirmChannel();
  scenario.watch('channel', channel, ['return', 'ack', 'nack']);
  const done = new Promise((resolve) => {
    const options = { mandatory: true, headers: { h: 1 } };
    channel.publish('amq.direct', 'nowhere', Buffer.from('lost'), options, (error, ok) => {
      scenario.write('confirmed', error, ok);
      resolve();
    });
  });
  await done;
  await connection.close();
});

sideBySide('a consumer that throws closes the channel with its error', async (scenario) => {
  const connection = await scenario.connect();
  for (const thrown of [new TypeError('mine'), 'a text', 5]) {
    const channel = await connection.createChannel();
    scenario.watch('channel', channel, ['error', 'close']);
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.consume(queue, () => {
      throw thrown;
    });
    const closed = next(channel, 'close');
    channel.sendToQueue(queue, Buffer.from('one'));
    await closed;
    await scenario.outcome('after', () => channel.checkQueue(queue));
  }
  await connection.close();
});

sideBySide('what is thrown over an empty message has class and method, both unknown', async (scenario) => {
  const connection = await scenario.connect();
  const throwing = () => {
    throw new TypeError('mine');
  };
  for (const content of ['', 'text']) {
    const consuming = await connection.createChannel();
    scenario.watch('consumer', consuming, ['error', 'close']);
    const { queue } = await consuming.assertQueue('', { exclusive: true });
    await consuming.consume(queue, throwing, { noAck: true });
    const consumed = next(consuming, 'close');
    consuming.sendToQueue(queue, Buffer.from(content));
    await consumed;

    const returning = await connection.createChannel();
    scenario.watch('return', returning, ['error', 'close']);
    returning.on('return', throwing);
    const returned = next(returning, 'close');
    returning.sendToQueue(scenario.name('nowhere'), Buffer.from(content), { mandatory: true });
    await returned;
  }
  await connection.close();
});

sideBySide('handler-error of a channel gets what a listener throws', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createConfirmChannel();
  scenario.watch('channel', channel, ['error', 'close']);
  const { queue } = await channel.assertQueue('', { exclusive: true });
  let heard = next(channel, 'handler-error');
  await channel.consume(queue, () => {
    throw new Error('consumer');
  });
  channel.sendToQueue(queue, Buffer.from('one'));
  scenario.write(await heard);
  heard = next(channel, 'handler-error');
  channel.once('return', () => {
    throw new Error('return');
  });
  channel.sendToQueue(scenario.name('nowhere'), Buffer.from('two'), { mandatory: true });
  scenario.write(await heard);
  heard = next(channel, 'handler-error');
  channel.once('ack', () => {
    throw new Error('ack');
  });
  // Not to the queue: its delivery may come first, and throw.
  channel.sendToQueue(scenario.name('nowhere'), Buffer.from('three'));
  scenario.write(await heard);
  await connection.close();
});
