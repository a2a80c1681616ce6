'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const amqp = require('amqplib');
const { createBroker } = require('../../lib/broker');
const { startRabbitmq } = require('../../scripts/rabbitmq-server');
const { ownRabbitmq } = require('../support/rabbitmq');

const COUNT = 4000;
const HALF = COUNT / 2;

async function open(url) {
  const connection = await amqp.connect(url);
  connection.on('error', () => {});
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  return { connection, channel };
}

async function publish(channel, queue, from, to) {
  for (let index = from; index < to; index++) {
    const headers = { index, nested: { list: [1, 'two'] } };
    channel.sendToQueue(queue, Buffer.from(`${index}`), {
      headers,
      messageId: `m${index}`,
      persistent: true,
    });
  }
  await channel.waitForConfirms();
}

/** Consumes until `seen` has `count` different messages; each is acknowledged, and noted in the order it first came. */
function consume(channel, queue, seen, count) {
  return new Promise((resolve, reject) => {
    const note = (message) => {
      if (!message) return;
      seen.set(Number(message.content), message.properties);
      channel.ack(message);
      if (seen.size === count) resolve();
    };
    channel.consume(queue, note).catch(reject);
  });
}

async function emptied(channel, queue) {
  while ((await channel.checkQueue(queue)).messageCount > 0);
}

function assertComplete(seen) {
  assert.deepEqual(
    [...seen.keys()],
    Array.from({ length: COUNT }, (_, index) => index),
  );
  for (const [index, { headers, messageId, deliveryMode }] of seen) {
    assert.deepEqual(
      { headers, messageId, deliveryMode },
      { headers: { index, nested: { list: [1, 'two'] } }, messageId: `m${index}`, deliveryMode: 2 },
    );
  }
}

test(
  'forward hands every message on, in order, over a killed and restarted RabbitMQ',
  ownRabbitmq,
  async (t) => {
    const rabbitmq = await startRabbitmq();
    t.after(() => rabbitmq.stop());
    const broker = await createBroker({ port: 0, forward: { url: rabbitmq.url, queues: ['orders'] } });
    t.after(() => broker.close());
    const here = await open(broker.url);
    const queue = 'orders';
    await here.channel.assertQueue(queue, { durable: true });
    await publish(here.channel, queue, 0, 1);
    await emptied(here.channel, queue);
    await rabbitmq.flush();
    const publishing = publish(here.channel, queue, 1, HALF);
    await rabbitmq.kill();
    await publishing;
    await publish(here.channel, queue, HALF, COUNT);
    await rabbitmq.restart();
    const there = await open(rabbitmq.url);
    await there.channel.assertQueue(queue, { durable: true });
    const seen = new Map();
    await consume(there.channel, queue, seen, COUNT);
    assertComplete(seen);
    await emptied(here.channel, queue);
  },
);

test('fetch takes every message, in order, over a killed and restarted RabbitMQ', ownRabbitmq, async (t) => {
  const rabbitmq = await startRabbitmq();
  t.after(() => rabbitmq.stop());
  const queue = 'events';
  const first = await open(rabbitmq.url);
  await first.channel.assertQueue(queue, { durable: true });
  await publish(first.channel, queue, 0, HALF);
  await rabbitmq.flush();
  const broker = await createBroker({ port: 0, fetch: { url: rabbitmq.url, queues: [queue] } });
  t.after(() => broker.close());
  const here = await open(broker.url);
  await here.channel.assertQueue(queue, { durable: true });
  const seen = new Map();
  const complete = consume(here.channel, queue, seen, COUNT);
  await rabbitmq.kill();
  await rabbitmq.restart();
  const second = await open(rabbitmq.url);
  await publish(second.channel, queue, HALF, COUNT);
  await complete;
  assertComplete(seen);
});
