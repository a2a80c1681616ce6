'use strict';

// RabbitMQ nodes killed under load: what was confirmed to the publisher is consumed at least once, counted.

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');

const amqplib = require('../../lib/amqplib');
const { startRabbitmq } = require('../../scripts/rabbitmq-server');
const { ownRabbitmq } = require('../support/rabbitmq');

const MESSAGES = 6000;
const KILL_AFTER = 1500;
// Publishes under way at once.
const WINDOW = 200;

const RECOVERY = { initialDelay: 20, maxDelay: 500 };

const once = (emitter, event) => new Promise((resolve) => emitter.once(event, resolve));

/** Publishes and consumes through connections that recover; `interfere()` is called once, in the middle. */
async function publishThrough(t, urls, queueType, interfere) {
  const connections = [];
  // Connections end before the nodes do.
  t.after(() => Promise.all(connections.map((connection) => connection.close())));
  const open = async () => {
    const connection = await amqplib.connect(urls, { recovery: RECOVERY });
    connections.push(connection);
    return connection;
  };
  const [publishing, consuming] = [await open(), await open()];
  const queue = `oxipc.killed.${process.pid}.${queueType}`;
  const options = { durable: true, arguments: { 'x-queue-type': queueType } };

  const consumer = await consuming.createChannel();
  await consumer.assertQueue(queue, options);
  await consumer.prefetch(100);
  const seen = new Map();
  let onSeen = () => {};
  await consumer.consume(queue, (message) => {
    const id = message.content.readUInt32BE(0);
    seen.set(id, (seen.get(id) ?? 0) + 1);
    consumer.ack(message);
    onSeen();
  });

  consumer.on('error', (error) => assert.fail(error));
  // A quorum queue without a leader refuses messages, and RabbitMQ 3.10 goes on to do so on a channel whose first publish
  // met that, whatever the client: the publisher offers the message again, on another channel.
  let refused = 0;
  let opening = publishing.createConfirmChannel();
  const reopen = async (used) => {
    await (await used).close();
    return publishing.createConfirmChannel();
  };
  const isConfirmed = async (content) => {
    const used = opening;
    try {
      await (await used).publishConfirmed('', queue, content, { persistent: true });
      return true;
    } catch (error) {
      assert.match(error.message, /^(message nacked|channel closed)$/);
      refused++;
      if (opening === used) opening = reopen(used);
      return false;
    }
  };
  let published = 0;
  let interfered;
  const confirmed = new Set();
  const publishAll = async () => {
    while (published < MESSAGES) {
      const id = published++;
      const content = Buffer.alloc(id % 100 === 0 ? 20_000 : 100);
      content.writeUInt32BE(id);
      while (!(await isConfirmed(content)));
      confirmed.add(id);
      if (confirmed.size === KILL_AFTER) interfered = interfere();
    }
  };
  const lost = [once(publishing, 'disconnect'), once(consuming, 'disconnect')];
  await Promise.all(Array.from({ length: WINDOW }, publishAll));
  await interfered;
  await Promise.all(lost);
  assert.equal(confirmed.size, MESSAGES);
  await new Promise((resolve) => {
    onSeen = () => seen.size === MESSAGES && resolve();
    onSeen();
  });
  const missing = [...confirmed].filter((id) => !seen.has(id));
  assert.deepEqual(missing, []);
  const count = [...seen.values()].reduce((sum, times) => sum + times, 0);
  t.diagnostic(
    `${confirmed.size} confirmed, ${seen.size} consumed, ${count - seen.size} of them more than once, ${refused} refused`,
  );
}

describe('RabbitMQ nodes that are killed', { skip: ownRabbitmq.skip }, () => {
  let cluster;
  before(async () => {
    cluster = await startRabbitmq({ cluster: 3 });
  });
  after(() => cluster?.stop());

  test('one of three, with all URLs and a quorum queue', async (t) => {
    const [first] = cluster.nodes;
    const urls = cluster.nodes.map(({ url }) => url);
    await publishThrough(t, urls, 'quorum', () => first.kill());
  });

  test('the only one that there is a URL of, started again', async (t) => {
    const [, second] = cluster.nodes;
    await publishThrough(t, second.url, 'classic', async () => {
      await second.kill();
      await second.restart();
    });
  });
});
