'use strict';

// What the bridge tells, with an embedded broker in the place of RabbitMQ.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const amqp = require('amqplib');
const { createBroker } = require('../../lib/broker');

const definitions = {
  vhosts: [{ name: '/' }, { name: 'shop' }],
  users: [{ name: 'guest', password: 'guest' }],
  permissions: ['/', 'shop'].map((vhost) => ({
    user: 'guest',
    vhost,
    configure: '.*',
    write: '.*',
    read: '.*',
  })),
};

async function start(t, options) {
  const broker = await createBroker({ port: 0, ...options });
  t.after(() => broker.close());
  return broker;
}

async function openChannel(url) {
  const connection = await amqp.connect(url);
  // The broker, which ends first, closes it with 320.
  connection.on('error', () => {});
  return connection.createConfirmChannel();
}

test('forward and fetch work on the vhost that is named, and say that they are open', async (t) => {
  const there = await start(t);
  const url = there.url.replace('//', '//guest:guest@');
  const here = await start(t, {
    definitions,
    forward: { url, vhost: 'shop', queues: ['orders'] },
    fetch: { url, vhost: 'shop', queues: ['answers'] },
  });
  const open = new Set();
  await new Promise((resolve) =>
    here.on('link-open', (direction) => open.add(direction).size === 2 && resolve()),
  );
  const near = await openChannel(`${here.url}/shop`);
  const far = await openChannel(there.url);
  near.sendToQueue('orders', Buffer.from('order'));
  far.sendToQueue('answers', Buffer.from('answer'));
  const first = (channel, queue) =>
    new Promise((resolve, reject) => {
      channel.consume(queue, ({ content }) => resolve(content.toString()), { noAck: true }).catch(reject);
    });
  assert.equal(await first(far, 'orders'), 'order');
  assert.equal(await first(near, 'answers'), 'answer');
});

test('a link that cannot be opened says why, each time it is tried', async (t) => {
  const there = await start(t);
  const url = there.url.replace('//', '//guest:wrong@');
  const here = await start(t, { forward: { url, queues: ['orders'] } });
  for (let attempt = 0; attempt < 2; attempt++) {
    const [direction, error] = await once(here, 'link-failed');
    assert.equal(direction, 'forward');
    assert.ok(error instanceof Error);
    assert.match(error.message, /ACCESS.REFUSED/i);
  }
});

test('a vhost that is not there is refused at the start', async () => {
  const link = { url: 'amqp://127.0.0.1:1', vhost: 'nowhere', queues: ['orders'] };
  await assert.rejects(createBroker({ port: 0, forward: link }), {
    message: "no vhost 'nowhere' to forward from or fetch to",
  });
  await assert.rejects(createBroker({ port: 0, forward: { ...link, vhost: 1 } }), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
});
