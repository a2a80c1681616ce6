'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const amqp = require('../../lib/amqplib');
const { createBroker } = require('../../lib/broker');

// Ten times what the broker deals with under one hold of its lock.
const MESSAGES = 3000;

function received(channel, queue, count, options) {
  return new Promise((resolve, reject) => {
    const messages = [];
    const take = (message) => {
      messages.push(message);
      if (messages.length === count) resolve(messages);
    };
    channel.consume(queue, take, { consumerTag: queue, ...options }).catch(reject);
  });
}

/** What comes right behind the rejection, with the queue's options; on another channel once the broker has the rejection. */
const ENDINGS = {
  'its queue is deleted': [{}, ({ channel }) => channel.deleteQueue('jobs')],
  'its exclusive queue goes with the connection': [
    { exclusive: true },
    ({ connection }) => connection.close(),
    true,
  ],
  'its queue goes with the last consumer': [{ autoDelete: true }, ({ channel }) => channel.cancel('jobs')],
  'its queue is deleted on another connection': [{}, ({ other }) => other.deleteQueue('jobs'), true],
  'the dead letter queue is unbound': [{}, ({ channel }) => channel.unbindQueue('graves', 'dead', '')],
  'the dead letter exchange is deleted': [{}, ({ channel }) => channel.deleteExchange('dead')],
};

for (const [ending, [options, end, elsewhere]] of Object.entries(ENDINGS)) {
  test(`every rejected message becomes a dead letter when ${ending}`, { timeout: 20_000 }, async (t) => {
    const broker = await createBroker({ port: 0 });
    t.after(() => broker.close());
    const [connection, observer] = [await amqp.connect(broker.url), await amqp.connect(broker.url)];
    const [channel, other] = [await connection.createChannel(), await observer.createChannel()];
    await other.assertExchange('dead', 'fanout');
    await other.assertQueue('graves');
    await other.bindQueue('graves', 'dead', '');
    await channel.assertQueue('jobs', { durable: false, deadLetterExchange: 'dead', ...options });
    for (let number = 0; number < MESSAGES; number++) channel.sendToQueue('jobs', Buffer.from(`${number}`));
    await received(channel, 'jobs', MESSAGES);
    channel.nackAll(false);
    // Frames on other connections could overtake the rejection.
    if (elsewhere) await channel.prefetch(1);
    await end({ channel, connection, other });
    const letters = await received(other, 'graves', MESSAGES, { noAck: true });
    const bodies = letters.map((letter) => Number(letter.content.toString()));
    assert.deepEqual(bodies, [...Array(MESSAGES).keys()]);
    assert.ok(letters.every((letter) => letter.properties.headers['x-death'][0].queue === 'jobs'));
  });
}
