'use strict';

// What a peer makes us keep goes with its connection.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const nodesNet = require('node:net');
const { test } = require('node:test');

const net = require('../../lib/net');

const LENGTH = 16 * 2 ** 20;

/** The preamble of raw messages, and the header of one of LENGTH. */
function beginning() {
  const head = Buffer.from('4f584d01000000000000000000000000', 'hex');
  head.writeUInt32LE(LENGTH, 8);
  return head;
}

test('connections that come and go with unfinished messages leave nothing behind', async (t) => {
  // Held: what goes has to go with the connection, not with a collection.
  const held = [];
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    const messages = net.messages(socket, { codec: 'raw' });
    messages.on('message', () => {});
    messages.on('error', () => {});
    held.push(messages);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const body = Buffer.alloc(LENGTH - 1);
  const residentAfter = async (count) => {
    for (let index = 0; index < count; index++) {
      const peer = nodesNet.connect(server.address().port, '127.0.0.1', () => {
        peer.write(beginning());
        peer.end(body);
      });
      peer.on('error', () => {});
      peer.resume();
      await once(peer, 'close');
    }
    return process.memoryUsage.rss();
  };
  const first = await residentAfter(4);
  assert.ok((await residentAfter(30)) - first < 10 * LENGTH);
  assert.equal(held.length, 34);
});
