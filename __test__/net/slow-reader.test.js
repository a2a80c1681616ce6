'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const net = require('../../lib/net');

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
