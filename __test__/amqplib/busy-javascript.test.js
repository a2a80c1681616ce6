'use strict';

// While JavaScript does something else for long: heartbeats go on, and what arrives does not pile up in memory.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');

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

// A broker gives a client up after two to three intervals of silence. This one is short, and long enough for a machine that
// is busy with something else.
const HEARTBEAT_S = 3;
const BLOCKED_MS = 10_000;

for (const broker of brokers) {
  describe(`JavaScript blocked for longer than the heartbeat allows (${broker.name})`, {
    skip: broker.skip,
  }, () => {
    const BODY_BYTES = 20 << 20;
    const events = [];
    const lengths = [];
    const all = withResolvers();
    let idle;
    let consuming;

    async function connect() {
      const connection = await amqplib.connect(`${await broker.open()}?heartbeat=${HEARTBEAT_S}`);
      assert.equal(connection.connection.heartbeat, HEARTBEAT_S);
      for (const event of ['error', 'close']) connection.on(event, (error) => events.push([event, error]));
      return connection;
    }

    before(async () => {
      idle = await connect();
      consuming = await connect();
      consuming.on('error', all.reject);
      const channel = await consuming.createConfirmChannel();
      const { queue } = await channel.assertQueue('', { exclusive: true });
      for (let i = 0; i < 3; i++) channel.sendToQueue(queue, Buffer.alloc(BODY_BYTES));
      await channel.waitForConfirms();
      await channel.consume(queue, ({ content }) => lengths.push(content.length) === 3 && all.resolve());
      block(BLOCKED_MS);
    });

    test('heartbeats go on', async () => {
      const channel = await idle.createChannel();
      const { queue } = await channel.assertQueue('', { exclusive: true });
      assert.ok(queue);
      assert.deepEqual(events, []);
      await idle.close();
    });

    // What a client has not taken yet must not keep the broker from hearing its heartbeats.
    test('a large message that is not taken costs nothing', async () => {
      await all.promise;
      assert.deepEqual(lengths, Array(3).fill(BODY_BYTES));
      await consuming.close();
    });
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
