'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');
const amqp = require('amqplib');
const { createBroker } = require('../../lib/broker');

/** queue.declare on channel 1, without an answer. */
function declare(queue) {
  const head = Buffer.from([0, 50, 0, 10, 0, 0, queue.length]);
  const method = Buffer.concat([head, Buffer.from(queue), Buffer.from([0b10000, 0, 0, 0, 0])]);
  return Buffer.concat([Buffer.from([1, 0, 1, 0, 0, 0, method.length]), method, Buffer.from([0xce])]);
}

/** Sends the same frames without a pause until `enough` says so. */
async function flood(connection, enough) {
  const { stream } = connection.connection;
  const batch = Buffer.concat(Array(2000).fill(declare('flooded')));
  while (!enough()) {
    if (!stream.write(batch)) await once(stream, 'drain');
  }
}

// The flood ends when the others have been served: a broker that serves them after it never does.
test('a flood by some connections does not keep others out', { timeout: 60_000 }, async () => {
  const broker = await createBroker({ port: 0 });
  try {
    const bystander = await amqp.connect(broker.url);
    let served = false;
    const flooders = [];
    for (let number = 0; number < 3; number++) {
      const connection = await amqp.connect(broker.url);
      await connection.createChannel();
      flooders.push(connection);
    }
    const floods = flooders.map((connection) => flood(connection, () => served));
    for (let round = 0; round < 4; round++) {
      const channel = await bystander.createChannel();
      await channel.assertQueue('other', { durable: false });
      await channel.close();
      const newcomer = await amqp.connect(broker.url);
      await newcomer.close();
    }
    served = true;
    await Promise.all(floods);
    await Promise.all([...flooders, bystander].map((connection) => connection.close()));
    assert.ok(served);
  } finally {
    await broker.close();
  }
});
