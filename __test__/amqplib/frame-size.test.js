'use strict';

// Headers about as large as a frame: they are sent or refused, and never cost the connection.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const amqplib = require('../../lib/amqplib');
const { brokers } = require('../support/brokers');
const { withPeer } = require('../support/scripted-peer');

// A large header grows the encoding buffer to its size, many small ones double it beyond the limit.
const SHAPES = {
  'one header': (bytes) => ({ h: 'x'.repeat(bytes) }),
  'many headers': (bytes) =>
    Object.fromEntries(Array.from({ length: Math.ceil(bytes / 100) }, (_, n) => [n, 'x'.repeat(94)])),
};

for (const broker of brokers) {
  for (const [shape, headers] of Object.entries(SHAPES)) {
    test(`${shape} at the frame's limit fit or throw (${broker.name})`, { skip: broker.skip }, async () => {
      const connection = await amqplib.connect(`${await broker.open()}?frameMax=5000`);
      const channel = await connection.createConfirmChannel();
      const { queue } = await channel.assertQueue('', { exclusive: true });
      const sent = [];
      for (let bytes = 4700; bytes < 5300; bytes++) {
        try {
          channel.sendToQueue(queue, Buffer.from('x'), { headers: headers(bytes) });
          sent.push(bytes);
        } catch (error) {
          assert.ok(error instanceof RangeError, error);
        }
      }
      await channel.waitForConfirms();
      assert.ok(sent.length > 0 && sent.length < 600, `${sent.length}`);
      assert.equal((await channel.checkQueue(queue)).messageCount, sent.length);
      await connection.close();
    });
  }
}

test('frames below the protocol minimum are refused though the peer agrees', async () => {
  await withPeer(async (url) => {
    for (const frameMax of [1, 7, 8, 4095]) {
      await assert.rejects(amqplib.connect(`${url}?frameMax=${frameMax}`), {
        message: `Negotiated frameMax ${frameMax} is below the protocol minimum 4096`,
      });
    }
    const connection = await amqplib.connect(`${url}?frameMax=4096`);
    await connection.close();
  });
});
