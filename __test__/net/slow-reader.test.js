'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const net = require('../../lib/net');
const { socketPair } = require('../support/message-pair');

// One read, at most; see src/binding/memory.rs.
const LARGEST_CHUNK = 256 * 1024;
const ROUND_TRIPS = 200;

test('a reader that does not read holds one chunk more than highWaterMark, however much is sent', async (t) => {
  const flood = Buffer.alloc(64 << 20);
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (word) => socket.write(String(word) === 'flood' ? flood : word));
  });
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address();
  const slow = net.connect({ port, host: '127.0.0.1', highWaterMark: 16 * 1024 });
  t.after(() => slow.destroy());
  slow.write('flood');
  await once(slow, 'readable');

  // What takes this many turns of the loop would have let it read on.
  const other = net.connect(port, '127.0.0.1');
  t.after(() => other.destroy());
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    other.write('x');
    await once(other, 'data');
  }
  assert.ok(slow.readableLength > 0);
  assert.ok(
    slow.readableLength <= slow.readableHighWaterMark + LARGEST_CHUNK,
    `${slow.readableLength} bytes`,
  );
});

for (const [kind, pieceOf] of [
  ['texts', (index) => `${index} ${'ü€'.repeat(index % 1000)}\n`],
  ['small buffers', (index) => Buffer.from(`${index}`.padStart(63).concat('\n'))],
]) {
  test(`${kind} that the kernel takes in parts arrive whole`, async (t) => {
    const [client, accepted] = await socketPair(t);
    accepted.pause();
    const sent = [];
    let isFull = false;
    while (!isFull) {
      const piece = pieceOf(sent.length);
      sent.push(Buffer.from(piece));
      isFull = !client.write(piece);
      // In a tick of its own, so that each goes to the kernel alone.
      await new Promise(setImmediate);
    }
    // What comes next takes the same memory while a part still waits.
    client.end('last');
    const received = [];
    for await (const chunk of accepted) received.push(chunk);
    assert.equal(Buffer.concat(received).compare(Buffer.concat([...sent, Buffer.from('last')])), 0);
  });
}
