'use strict';

// Acknowledgements on the wire: runs leave as one frame where that means the same.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const amqplib = require('../../lib/amqplib');
const { frame, method, shortString, withPeer } = require('../support/scripted-peer');

const tagOctets = (tag) => [0, 0, 0, 0, 0, 0, tag >> 8, tag & 0xff];

const delivery = (tag) =>
  Buffer.concat([
    method(1, 60, 60, shortString('c'), tagOctets(tag), 0, shortString(''), shortString('q')),
    frame(2, 1, Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0])),
    frame(3, 1, Buffer.from('x')),
  ]);

/** Delivers tags 1 to `count` at once; `settle(channel, messages)` does something with them. Gives what is sent. */
async function settled(count, settle, { noAck = false } = {}) {
  const sent = [];
  await withPeer(async (url, accept) => {
    const connecting = amqplib.connect(url);
    const peer = await accept();
    const connection = await connecting;
    const channel = await connection.createChannel();
    const messages = [];
    const consuming = channel.consume(
      'q',
      (message) => {
        messages.push(message);
        if (messages.length === count) settle(channel, messages);
      },
      { noAck },
    );
    await peer.receive('60.20');
    const deliveries = Array.from({ length: count }, (_, index) => delivery(index + 1));
    peer.onFrame = ({ name, bytes }) => {
      if (!name.startsWith('60.')) return;
      sent.push([name, Number(bytes.readBigUInt64BE(11)), bytes[19]]);
    };
    peer.send(method(1, 60, 21, shortString('c')), ...deliveries);
    await consuming;
    // Everything before it on the channel has been seen when this is.
    const declaring = channel.checkQueue('end');
    await peer.receive('50.10');
    peer.send(method(1, 50, 11, shortString('end'), [0, 0, 0, 0], [0, 0, 0, 0]));
    await declaring;
    connection.on('error', () => {});
  });
  return sent;
}

test('acknowledging all of a tick in order is one frame', async () => {
  const ackEach = (channel, messages) => messages.forEach((message) => channel.ack(message));
  assert.deepEqual(await settled(100, ackEach), [['60.80', 100, 1]]);
});

test('acknowledging out of order sends each where a gap stays', async () => {
  const sent = await settled(6, (channel, messages) => {
    for (const index of [2, 0, 1, 4, 3, 5]) channel.ack(messages[index]);
  });
  assert.deepEqual(sent, [
    ['60.80', 3, 0],
    ['60.80', 2, 1],
    ['60.80', 5, 0],
    ['60.80', 4, 0],
    ['60.80', 6, 0],
  ]);
});

test('a refusal keeps its place among acknowledgements', async () => {
  const sent = await settled(5, (channel, messages) => {
    channel.ack(messages[0]);
    channel.ack(messages[1]);
    channel.nack(messages[2]);
    channel.reject(messages[3], false);
    channel.ack(messages[4]);
  });
  assert.deepEqual(sent, [
    ['60.80', 2, 1],
    ['60.120', 3, 2],
    ['60.90', 4, 0],
    ['60.80', 5, 0],
  ]);
});

test('on a channel with a noAck consumer nothing is gathered', async () => {
  const sent = await settled(
    3,
    (channel, messages) => {
      for (const message of messages) channel.ack(message);
    },
    { noAck: true },
  );
  assert.deepEqual(sent, [
    ['60.80', 1, 0],
    ['60.80', 2, 0],
    ['60.80', 3, 0],
  ]);
});
