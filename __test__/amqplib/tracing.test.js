'use strict';

// What diagnostics_channel's subscribers hear of publishes and deliveries.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { tracingChannel } = require('node:diagnostics_channel');
const { once } = require('node:events');
const { test } = require('node:test');

const amqplib = require('../../lib/amqplib');
const callbackApi = require('../../lib/amqplib/callback-api');
const { createBroker } = require('../../lib/broker');

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];

/** Subscribes until the test ends; `heard` lists [event, payload]. */
function listen(t, name, handlers = {}) {
  const channel = tracingChannel(`oxipc:amqplib:${name}`);
  const heard = [];
  const subscribers = Object.fromEntries(
    EVENTS.map((event) => [
      event,
      (payload) => {
        heard.push([event, payload]);
        handlers[event]?.(payload);
      },
    ]),
  );
  channel.subscribe(subscribers);
  t.after(() => channel.unsubscribe(subscribers));
  return { channel, heard, names: () => heard.map(([event]) => event) };
}

async function open(t, library = amqplib) {
  const broker = await createBroker({ port: 0 });
  const connection = await library.connect(broker.url);
  t.after(async () => {
    await connection.close().catch(() => {});
    await broker.close();
  });
  return connection;
}

test('a publish is told with its arguments, and headers may be added', async (t) => {
  const connection = await open(t);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const { heard, names } = listen(t, 'publish', {
    start: ({ options }) => (options.headers.traceparent = '00-trace-span-01'),
  });
  const given = Object.freeze({ priority: 3, headers: Object.freeze({ mine: 1 }) });
  const content = Buffer.from('x');
  assert.equal(channel.publish('', queue, content, given), true);
  channel.sendToQueue(queue, content);
  assert.deepEqual(names(), ['start', 'end', 'start', 'end']);
  const [[, event]] = heard;
  assert.equal(event.channel, channel);
  assert.equal(event.content, content);
  assert.deepEqual([event.exchange, event.routingKey, event.options.priority], ['', queue, 3]);
  assert.equal(event.result, true);
  await channel.checkQueue(queue);
  const headers = async () => (await channel.get(queue, { noAck: true })).properties.headers;
  assert.deepEqual(await headers(), { mine: 1, traceparent: '00-trace-span-01' });
  assert.deepEqual(await headers(), { traceparent: '00-trace-span-01' });
});

test('a publish that throws is told as an error', async (t) => {
  const connection = await open(t);
  const channel = await connection.createChannel();
  const { heard, names } = listen(t, 'publish');
  assert.throws(() => channel.sendToQueue('q', 'text'), new TypeError('content is not a buffer'));
  assert.deepEqual(names(), ['start', 'error', 'end']);
  assert.equal(heard[1][1].error.message, 'content is not a buffer');
});

test('on a confirm channel a publish ends with its confirm', async (t) => {
  const connection = await open(t);
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const { heard, names } = listen(t, 'publish');
  await channel.publishConfirmed('', queue, Buffer.from('x'));
  assert.deepEqual(names(), ['start', 'end', 'asyncStart', 'asyncEnd']);
  assert.equal(new Set(heard.map(([, payload]) => payload)).size, 1);
  heard.length = 0;

  channel.sendToQueue(queue, Buffer.from('no callback'));
  await channel.waitForConfirms();
  assert.deepEqual(names(), ['start', 'end', 'asyncStart', 'asyncEnd']);
  heard.length = 0;

  channel.on('error', () => {});
  const lost = channel.publishConfirmed('no.such.exchange', '', Buffer.from('x'));
  await assert.rejects(lost, new Error('channel closed'));
  assert.deepEqual(names(), ['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
  assert.equal(heard[2][1].error.message, 'channel closed');
});

test('a delivery is told around its consumer, to the end of what that promises', async (t) => {
  const connection = await open(t);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const { heard, names } = listen(t, 'consume');
  let finish;
  const received = new Promise((resolve) => {
    channel.consume(
      queue,
      (message) => {
        resolve(message);
        return new Promise((settle) => (finish = settle));
      },
      { noAck: true },
    );
  });
  channel.sendToQueue(queue, Buffer.from('x'), { headers: { traceparent: 'theirs' } });
  const message = await received;
  assert.deepEqual(names(), ['start', 'end']);
  assert.equal(heard[0][1].channel, channel);
  assert.equal(heard[0][1].message, message);
  assert.equal(message.properties.headers.traceparent, 'theirs');
  finish();
  await new Promise(setImmediate);
  assert.deepEqual(names(), ['start', 'end', 'asyncStart', 'asyncEnd']);
});

test('a consumer that rejects is told, and stays an unhandled rejection', async (t) => {
  const connection = await open(t);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const { heard, names } = listen(t, 'consume');
  const unhandled = new Promise((resolve) => {
    // The runner listens too, and would fail the test.
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    t.after(() => {
      for (const listener of others) process.on('unhandledRejection', listener);
    });
    process.once('unhandledRejection', resolve);
  });
  const failure = new Error('mine');
  await channel.consume(queue, () => Promise.reject(failure), { noAck: true });
  channel.sendToQueue(queue, Buffer.from('x'));
  assert.equal(await unhandled, failure);
  assert.deepEqual(names(), ['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
  assert.equal(heard[2][1].error, failure);
});

test('a consumer that throws is told, and closes its channel as always', async (t) => {
  const connection = await open(t);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const { names } = listen(t, 'consume');
  const failed = once(channel, 'error');
  const failure = new Error('mine');
  await channel.consume(
    queue,
    () => {
      throw failure;
    },
    { noAck: true },
  );
  channel.sendToQueue(queue, Buffer.from('x'));
  assert.equal((await failed)[0], failure);
  assert.deepEqual(names(), ['start', 'error', 'end']);
});

test('a store that is bound to start holds in the consumer, and after its awaits', async (t) => {
  const connection = await open(t);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const storage = new AsyncLocalStorage();
  const { start } = tracingChannel('oxipc:amqplib:consume');
  start.bindStore(storage, ({ message }) => message.properties.headers.trace);
  t.after(() => start.unbindStore(storage));
  const seen = [];
  const both = new Promise((resolve) => {
    channel.consume(
      queue,
      async () => {
        const before = storage.getStore();
        await new Promise(setImmediate);
        seen.push([before, storage.getStore()]);
        if (seen.length === 2) resolve();
      },
      { noAck: true },
    );
  });
  channel.sendToQueue(queue, Buffer.from('x'), { headers: { trace: 'a' } });
  channel.sendToQueue(queue, Buffer.from('x'), { headers: { trace: 'b' } });
  await both;
  assert.deepEqual(seen, [
    ['a', 'a'],
    ['b', 'b'],
  ]);
  assert.equal(storage.getStore(), undefined);
});

test('the callback API is told of too', async (t) => {
  const broker = await createBroker({ port: 0 });
  t.after(() => broker.close());
  const published = listen(t, 'publish');
  const consumed = listen(t, 'consume');
  await new Promise((resolve, reject) => {
    callbackApi.connect(broker.url, (error, connection) => {
      if (error) return reject(error);
      const channel = connection.createConfirmChannel();
      channel.assertQueue('q', { exclusive: true });
      channel.consume(
        'q',
        () => connection.close(resolve),
        { noAck: true },
        () => {
          channel.sendToQueue('q', Buffer.from('x'));
        },
      );
    });
  });
  assert.deepEqual(published.names().slice(0, 2), ['start', 'end']);
  assert.deepEqual(consumed.names(), ['start', 'end']);
});
