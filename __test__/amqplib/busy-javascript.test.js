'use strict';

// While JavaScript does something else for long: heartbeats go on, and what arrives does not pile up in memory.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { after, test } = require('node:test');

const amqplib = require('../../lib/amqplib');
const { brokers } = require('../support/brokers');
const { rabbitmq } = require('../support/rabbitmq');

function withResolvers() {
  const resolvers = {};
  resolvers.promise = new Promise((resolve, reject) => Object.assign(resolvers, { resolve, reject }));
  return resolvers;
}

function block(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

// A process of its own, which is blocked while the other tests run.
const blocked = rabbitmq.skip ? null : fork(path.join(__dirname, 'programs', 'blocked.js'), [rabbitmq.url]);
const told = [];
blocked?.on('message', (message) => told.push(message));
const ended = blocked && once(blocked, 'exit');
after(() => blocked?.kill('SIGKILL'));

for (const broker of brokers) {
  // What a client has not taken yet must not keep the broker from hearing its heartbeats.
  test(`a large message that is not taken for longer than the heartbeat costs nothing (${broker.name})`, {
    skip: broker.skip,
  }, async () => {
    const url = await broker.open();
    const connection = await amqplib.connect(`${url}?heartbeat=1`);
    const channel = await connection.createConfirmChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    for (let i = 0; i < 3; i++) channel.sendToQueue(queue, Buffer.alloc(20 << 20));
    await channel.waitForConfirms();
    const lengths = [];
    const all = Promise.withResolvers?.() ?? withResolvers();
    connection.on('error', all.reject);
    await channel.consume(queue, ({ content }) => lengths.push(content.length) === 3 && all.resolve());
    block(5000);
    await all.promise;
    assert.deepEqual(lengths, Array(3).fill(20 << 20));
    await connection.close();
  });

  // A broker gives a client up after two intervals of silence.
  test(`heartbeats go on while JavaScript is blocked (${broker.name})`, { skip: broker.skip }, async () => {
    const url = await broker.open();
    const connection = await amqplib.connect(`${url}?heartbeat=1`);
    const events = [];
    for (const event of ['error', 'close']) connection.on(event, (error) => events.push([event, error]));
    assert.equal(connection.connection.heartbeat, 1);
    const channel = await connection.createChannel();
    block(5000);
    const { queue } = await channel.assertQueue('', { exclusive: true });
    assert.ok(queue);
    assert.deepEqual(events, []);
    await connection.close();
  });
}

test('a million messages without acknowledgements wait in the broker while their consumer blocks', async (t) => {
  const MESSAGES = 1_000_000;
  const LIMIT_BYTES = 200 << 20;
  const broker = fork(path.join(__dirname, 'broker-program.js'), [String(4 * 1024 ** 3)]);
  t.after(() => broker.kill('SIGKILL'));
  const [url] = await once(broker, 'message');
  const connection = await amqplib.connect(url);
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('flood');
  const body = Buffer.alloc(1024, 'x');
  for (let sent = 0; sent < MESSAGES; sent++) {
    if (!channel.sendToQueue(queue, body)) await once(channel, 'drain');
  }
  await channel.waitForConfirms();
  const consumer = fork(path.join(__dirname, 'programs', 'flooded.js'), [url, queue, String(MESSAGES)]);
  t.after(() => consumer.kill('SIGKILL'));
  const [{ received, peakBytes }] = await once(consumer, 'message');
  await connection.close();
  broker.disconnect();
  await once(broker, 'exit');
  assert.equal(received, MESSAGES);
  assert.ok(peakBytes < LIMIT_BYTES, `${peakBytes >> 20} MiB resident`);
});

test('with a heartbeat of 2 the connection outlives 20 s without JavaScript', {
  skip: rabbitmq.skip,
}, async () => {
  const [code] = await ended;
  assert.deepEqual(told, [{ heartbeat: 2, isBlocked: true, messageCount: 1, events: [] }]);
  assert.equal(code, 0);
});
