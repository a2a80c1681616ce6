'use strict';

// AbortSignal wherever something waits, and await using for what can be closed.

const assert = require('node:assert/strict');
const { getEventListeners, once } = require('node:events');
const { test } = require('node:test');

const amqplib = require('../../lib/amqplib');
const { createBroker } = require('../../lib/broker');
const { brokers } = require('../support/brokers');
const { frame, method, shortString, withPeer } = require('../support/scripted-peer');

const reason = new Error('enough');

function onEach(name, run) {
  for (const broker of brokers) {
    test(`${name} (${broker.name})`, { skip: broker.skip }, async () => {
      const connection = await amqplib.connect(await broker.open());
      try {
        await run(await connection.createConfirmChannel());
      } finally {
        await connection.close();
      }
    });
  }
}

onEach('a consumer ends when its signal aborts, and what was on its way goes back', async (channel) => {
  const { queue } = await channel.assertQueue('', { exclusive: true });
  for (let index = 0; index < 100; index++) channel.sendToQueue(queue, Buffer.from(`${index}`));
  await channel.waitForConfirms();
  const controller = new AbortController();
  const { signal } = controller;
  const taken = [];
  const done = new Promise((resolve) => {
    channel.consume(
      queue,
      (message) => {
        taken.push(message.content.toString());
        channel.ack(message);
        if (taken.length < 10) return;
        controller.abort(reason);
        resolve();
      },
      { oxipc: { signal } },
    );
  });
  await done;
  // The cancellation is under way: this comes behind it.
  await channel.prefetch(0);
  assert.equal(taken.length, 10);
  const { consumerCount } = await channel.checkQueue(queue);
  assert.equal(consumerCount, 0);
  // All of the others are there again, in their order.
  const left = [];
  for await (const message of channel.messages(queue, { prefetch: 10 })) {
    left.push(message.content.toString());
    channel.ack(message);
    if (left.length === 90) break;
  }
  assert.deepEqual(
    left,
    Array.from({ length: 90 }, (_, index) => `${index + 10}`),
  );
});

onEach('signals that aborted before are heard before anything is sent', async (channel) => {
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const signal = AbortSignal.abort(reason);
  const body = Buffer.from('x');
  const unheard = () => assert.fail('consumed');
  await assert.rejects(channel.consume(queue, unheard, { oxipc: { signal } }), reason);
  await assert.rejects(channel.get(queue, { oxipc: { signal } }), reason);
  await assert.rejects(channel.publishConfirmed('', queue, body, { signal }), reason);
  await assert.rejects(channel.waitForConfirms({ oxipc: { signal } }), reason);
  await assert.rejects(channel.respond(queue, unheard, { signal }), reason);
  await assert.rejects(channel.request('', queue, body, { signal }), reason);
  await assert.rejects(channel.messages(queue, { signal }).next(), reason);
  assert.deepEqual(await channel.checkQueue(queue), { queue, messageCount: 0, consumerCount: 0 });
  for (const wrong of ['text', null, {}]) {
    await assert.rejects(channel.get(queue, { oxipc: { signal: wrong } }), { code: 'ERR_INVALID_ARG_TYPE' });
    await assert.rejects(channel.consume(queue, unheard, { oxipc: { signal: wrong } }), {
      code: 'ERR_INVALID_ARG_TYPE',
    });
  }
});

onEach('a signal that never aborts changes nothing, and keeps no listener', async (channel) => {
  const { signal } = new AbortController();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.publishConfirmed('', queue, Buffer.from('x'), { signal });
  await channel.waitForConfirms({ oxipc: { signal } });
  const { content } = await channel.get(queue, { oxipc: { signal }, noAck: true });
  assert.equal(content.toString(), 'x');
  assert.equal(await channel.get(queue, { oxipc: { signal } }), false);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  await channel.consume(queue, () => {}, { oxipc: { signal } });
  await channel.consume(queue, () => {}, { oxipc: { signal } });
  assert.equal(getEventListeners(signal, 'abort').length, 2);
  await channel.close();
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('get, confirms and consumers that wait for their answer can be given up', async () => {
  await withPeer(async (url, accept) => {
    const connecting = amqplib.connect(url);
    const peer = await accept();
    const connection = await connecting;
    connection.on('error', () => {});
    const channel = await connection.createConfirmChannel();
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = [
      channel.publishConfirmed('', 'q', Buffer.from('x'), { signal }),
      channel.waitForConfirms({ oxipc: { signal } }),
      channel.get('q', { oxipc: { signal } }),
      channel.consume('q', () => assert.fail('consumed'), { oxipc: { signal } }),
    ];
    await peer.receive('60.70');
    controller.abort(reason);
    for (const promise of waiting) await assert.rejects(promise, reason);

    // The message of get comes all the same, and goes back; the consumer starts all the same, and is cancelled.
    peer.send(
      method(1, 60, 71, [0, 0, 0, 0, 0, 0, 0, 7], 0, shortString(''), shortString('q'), [0, 0, 0, 0]),
      frame(2, 1, Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0])),
      frame(3, 1, Buffer.from('x')),
    );
    const { bytes } = await peer.receive('60.120');
    assert.equal(bytes[18], 7);
    await peer.receive('60.20');
    peer.send(method(1, 60, 21, shortString('mine')));
    await peer.receive('60.30');
  });
});

// Beside amqplib only by hand: there the attempt goes on below, and keeps the process for as long as the broker lets it.
test('connect does not begin when its signal has aborted', async () => {
  for (const url of ['amqp://127.0.0.1:1', ['amqp://127.0.0.1:1', 'amqp://127.0.0.1:2']]) {
    const connecting = amqplib.connect(url, { signal: AbortSignal.abort(reason) });
    await assert.rejects(connecting, { name: 'AbortError', code: 'ABORT_ERR', cause: reason });
  }
});

test('connect is given up while a name is looked up', async () => {
  const controller = new AbortController();
  const lookup = (_host, _options, callback) => {
    controller.abort(reason);
    setImmediate(callback, null, [{ address: '127.0.0.1', family: 4 }]);
  };
  const connecting = amqplib.connect('amqp://name.test', { lookup, signal: controller.signal });
  await assert.rejects(connecting, { name: 'AbortError', code: 'ABORT_ERR', cause: reason });
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
});

test('await using closes connections, channels and responders, unless that has happened', async () => {
  const broker = await createBroker({ port: 0 });
  const connection = await amqplib.connect(broker.url);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const responder = await channel.respond(queue, () => {});
  const ended = [once(channel, 'close'), once(connection, 'close')];
  await responder[Symbol.asyncDispose]();
  assert.equal((await channel.checkQueue(queue)).consumerCount, 0);
  for (const disposable of [channel, connection, channel, connection])
    await disposable[Symbol.asyncDispose]();
  await Promise.all(ended);
  const recovering = await amqplib.connect(broker.url, { recovery: true });
  await recovering[Symbol.asyncDispose]();
  await recovering[Symbol.asyncDispose]();
  await assert.rejects(recovering.createChannel(), new Error('Connection closed'));
  await broker.close();
});

test('attempts that are given up because another one fails are told once', async () => {
  // Nobody listens there: a path with a newline in it is no other failure.
  const url = 'amqp+unix:///oxipc%20no%0Aconnect%20here';
  for (let round = 0; round < 20; round++) {
    const controller = new AbortController();
    const connecting = Array.from({ length: 3 }, () =>
      amqplib.connect(url, { signal: controller.signal }).catch((error) => {
        controller.abort(reason);
        throw error;
      }),
    );
    const outcomes = await Promise.allSettled(connecting);
    const codes = outcomes.map((outcome) => outcome.reason.code);
    // Which of them fails first is the system's to say, and the next may have failed by then.
    assert.ok(codes.includes('ENOENT'), `${codes}`);
    assert.deepEqual(
      codes.filter((code) => code !== 'ENOENT' && code !== 'ABORT_ERR'),
      [],
    );
    // A failure that is told to nobody would be thrown in one of these turns.
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  }
});

onEach('a loop whose channel is just closing is left without an error', async (channel) => {
  const { queue } = await channel.assertQueue('', { exclusive: true });
  for (let index = 0; index < 10; index++) channel.sendToQueue(queue, Buffer.from('x'));
  await channel.waitForConfirms();
  let closed;
  for await (const message of channel.messages(queue)) {
    channel.ack(message);
    // The others have been delivered.
    while ((await channel.checkQueue(queue)).messageCount > 0);
    closed = channel.close();
    break;
  }
  await closed;
});
