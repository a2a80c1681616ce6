'use strict';

// What amqplib does not have: confirms as promises, messages as async iterators, await using; and its handler-error mended.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const amqplib = require('../../lib/amqplib');
const { brokers } = require('../support/brokers');
const { method, shortString, withPeer } = require('../support/scripted-peer');

function onEach(name, run) {
  for (const broker of brokers) {
    test(`${name} (${broker.name})`, { skip: broker.skip }, async () => {
      const connection = await amqplib.connect(await broker.open());
      try {
        await run(connection);
      } finally {
        await connection.close();
      }
    });
  }
}

onEach(
  'publishConfirmed resolves when the broker has the message, rejects when it refuses it',
  async (connection) => {
    const channel = await connection.createConfirmChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, index) => channel.publishConfirmed('', queue, Buffer.from(`${index}`))),
    );
    assert.deepEqual(new Set(results), new Set([undefined]));
    assert.equal((await channel.checkQueue(queue)).messageCount, 100);
    await assert.rejects(
      channel.publishConfirmed('', queue, 'text'),
      new TypeError('content is not a buffer'),
    );
    channel.on('error', () => {});
    const lost = channel.publishConfirmed('no.such.exchange', '', Buffer.from(''));
    await assert.rejects(lost, (error) => {
      assert.equal(error.message, 'channel closed');
      assert.equal(error.cause.code, 404);
      assert.match(error.cause.message, /no\.such\.exchange/);
      return true;
    });
    await assert.rejects(channel.waitForConfirms(), (error) => error.cause.code === 404);
  },
);

onEach('messages gives each message to the loop, and what it leaves goes back', async (connection) => {
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  for (let index = 0; index < 20; index++) channel.sendToQueue(queue, Buffer.from(`${index}`));
  await channel.waitForConfirms();
  const seen = [];
  for await (const message of channel.messages(queue, { prefetch: 5 })) {
    seen.push(message.content.toString());
    channel.ack(message);
    if (seen.length === 12) break;
  }
  for await (const message of channel.messages(queue, { prefetch: 3 })) {
    seen.push(message.content.toString());
    channel.ack(message);
    // A deleted queue cancels the consumer, which ends the loop.
    if (seen.length === 20) await channel.deleteQueue(queue);
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 20 }, (_, index) => `${index}`),
  );
});

onEach('messages throws when its signal aborts or its channel closes', async (connection) => {
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const controller = new AbortController();
  const reason = new Error('enough');
  const aborted = (async () => {
    for await (const message of channel.messages(queue, { signal: controller.signal })) {
      channel.ack(message);
      controller.abort(reason);
    }
  })();
  channel.sendToQueue(queue, Buffer.from('one'));
  await assert.rejects(aborted, reason);
  assert.equal((await channel.checkQueue(queue)).consumerCount, 0);

  const loop = channel.messages(queue, { noAck: true });
  const first = loop.next();
  await channel.checkQueue(queue);
  await channel.close();
  await assert.rejects(first, new Error('channel closed'));
  await assert.rejects(async () => {
    for await (const message of channel.messages(queue)) channel.ack(message);
  }, amqplib.IllegalOperationError);
});

onEach('await using closes what is still open', async (connection) => {
  const channel = await connection.createChannel();
  // The symbol came with Node 20.4 (as 18.18).
  const closed = once(channel, 'close');
  await channel[Symbol.asyncDispose]();
  await closed;
  await channel[Symbol.asyncDispose]();
});

test('handler-error of a connection gets what its listeners throw', async () => {
  await withPeer(async (url, accept) => {
    const connecting = amqplib.connect(url);
    const peer = await accept();
    const connection = await connecting;
    connection.on('blocked', () => {
      throw new Error('mine');
    });
    const heard = once(connection, 'handler-error');
    peer.send(method(0, 10, 60, shortString('memory')));
    assert.deepEqual(await heard, [new Error('mine'), 'blocked']);
    connection.on('error', () => {});
  });
});

test('channel.flow of the server is answered', async () => {
  await withPeer(async (url, accept) => {
    const connecting = amqplib.connect(url);
    const peer = await accept();
    const connection = await connecting;
    connection.on('error', () => {});
    await connection.createChannel();
    peer.send(method(1, 20, 20, 0));
    const { bytes } = await peer.receive('20.21');
    assert.equal(bytes[11], 0);
  });
});

onEach('headers larger than 64 KiB arrive, up to the frame size', async (connection) => {
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const headers = { large: 'x'.repeat(100_000) };
  channel.sendToQueue(queue, Buffer.from('x'), { headers });
  let message;
  while (!message) message = await channel.get(queue, { noAck: true });
  assert.deepEqual(message.properties.headers, headers);
  const tooLarge = { large: 'x'.repeat(200_000) };
  assert.throws(() => channel.sendToQueue(queue, Buffer.from('x'), { headers: tooLarge }), RangeError);
});

test('an operation that cannot be encoded does not hold up those behind it', async () => {
  const { createBroker } = require('../../lib/broker');
  const broker = await createBroker({ port: 0 });
  const connection = await amqplib.connect(broker.url);
  const channel = await connection.createChannel();
  const outcomes = await Promise.allSettled([
    channel.assertQueue(5),
    channel.assertQueue('one', { durable: false }),
    channel.assertQueue(5),
    channel.assertQueue('two', { durable: false }),
  ]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'fulfilled', 'rejected', 'fulfilled'],
  );
  await connection.close();
  await broker.close();
});
