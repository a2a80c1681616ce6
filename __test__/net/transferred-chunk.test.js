'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const net = require('../../lib/net');

test('reading goes on when a chunk has been put into a byte stream, which takes its memory away', async (t) => {
  const server = net.createServer((socket) => socket.pipe(socket)).listen(0);
  t.after(() => server.close());
  await once(server, 'listening');
  const client = net.connect(server.address().port);
  t.after(() => client.destroy());

  for (const word of ['first', 'second', 'third']) {
    client.write(word);
    const [chunk] = await once(client, 'data');
    assert.equal(String(chunk), word);
    // Node 24 refuses the memory that Node 20 and 22 take.
    const start = (controller) => {
      try {
        controller.enqueue(chunk);
      } catch (error) {
        assert.match(error.message, /not detachable/);
      }
    };
    assert.ok(new ReadableStream({ type: 'bytes', start }));
  }
});
