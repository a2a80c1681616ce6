'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const { test } = require('node:test');
const amqp = require('amqplib');
const { createBroker } = require('../../lib/broker');

async function connect(t, options) {
  const broker = await createBroker({ port: 0, ...options });
  t.after(() => broker.close());
  const connection = await amqp.connect(broker.url);
  connection.on('error', () => {});
  return { broker, connection };
}

function received(channel, queue, count, options = { noAck: true }) {
  return new Promise((resolve, reject) => {
    const messages = [];
    channel
      .consume(
        queue,
        (message) => {
          messages.push(message);
          if (messages.length === count) resolve(messages);
        },
        options,
      )
      .catch(reject);
  });
}

test('what is sent to a queue is consumed, in order and unchanged', async (t) => {
  const { connection } = await connect(t);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('jobs');
  const properties = { headers: { a: 1, b: ['x'] }, messageId: 'm', deliveryMode: 2, timestamp: 5 };
  for (let index = 0; index < 1000; index++) channel.sendToQueue(queue, Buffer.from(`${index}`), properties);
  const messages = await received(channel, queue, 1000);
  assert.deepEqual(
    messages.map(({ content }) => content.toString()),
    Array.from({ length: 1000 }, (_, index) => `${index}`),
  );
  const { headers, messageId, deliveryMode, timestamp } = messages[999].properties;
  assert.deepEqual({ headers, messageId, deliveryMode, timestamp }, properties);
});

test('bodies of every size around the frame size arrive whole', async (t) => {
  const { connection } = await connect(t);
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('');
  const sizes = [0, 1, 16383, 16384, 131064, 131065, 262128, 1 << 20];
  for (const size of sizes) channel.sendToQueue(queue, Buffer.alloc(size, size));
  await channel.waitForConfirms();
  const messages = await received(channel, queue, sizes.length);
  messages.forEach(({ content }, index) => {
    assert.ok(content.equals(Buffer.alloc(sizes[index], sizes[index])), `${sizes[index]} bytes`);
  });
});

test('unacknowledged messages return to their places when the channel closes', async (t) => {
  const { connection } = await connect(t);
  const [first, second] = [await connection.createChannel(), await connection.createChannel()];
  const { queue } = await first.assertQueue('');
  for (let index = 0; index < 10; index++) first.sendToQueue(queue, Buffer.from([index]));
  const messages = await received(first, queue, 10, {});
  first.ack(messages[3]);
  first.ack(messages[7]);
  await first.close();
  const again = await received(second, queue, 8);
  assert.deepEqual(
    again.map(({ content, fields }) => [content[0], fields.redelivered]),
    [0, 1, 2, 4, 5, 6, 8, 9].map((index) => [index, true]),
  );
});

test('a closed broker ends its connections with 320 and frees its port', async (t) => {
  const { broker, connection } = await connect(t);
  const ended = once(connection, 'close');
  await Promise.all([broker.close(), broker.close()]);
  const [error] = await ended;
  assert.equal(error.code, 320);
  assert.match(error.message, /CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'/);
  const again = await createBroker({ port: broker.port });
  await again.close();
});

test('a taken port is refused with the error of net.Server', async (t) => {
  const { broker } = await connect(t);
  const server = net.createServer();
  server.listen(broker.port, '127.0.0.1');
  const [expected] = await once(server, 'error');
  const error = await createBroker({ port: broker.port }).catch((refused) => refused);
  assert.deepEqual({ ...error }, { ...expected });
  assert.equal(error.message, expected.message);
});

test('links and definitions that cannot be followed are refused before it listens', async () => {
  for (const options of [
    { forward: { url: 'http://user:secret@x', queues: ['a'] } },
    { fetch: { url: 'amqp://x', queues: [] } },
    { definitions: '/definitions.json' },
  ]) {
    await assert.rejects(createBroker({ port: 0, ...options }), (error) => {
      assert.equal(error.code, 'ERR_INVALID_ARG_VALUE');
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
});
