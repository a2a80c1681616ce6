'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const test = require('node:test');
const { MessageChannel } = require('node:worker_threads');
const net = require('oxipc/net');

/** The first chunks that two clients of one server receive. */
async function firstChunks(texts) {
  const server = net.createServer((socket) => socket.once('data', (name) => socket.end(texts[name])));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const receive = async (name) => {
    const socket = net.connect(server.address().port, '127.0.0.1');
    socket.write(String(name));
    const [chunk] = await once(socket, 'data');
    return chunk;
  };
  const chunks = [await receive(0), await receive(1)];
  server.close();
  return chunks;
}

test('a chunk that is transferred takes nothing of another socket with it', async () => {
  const [transferred, kept] = await firstChunks(['taken away', 'precious']);
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(transferred, [transferred.buffer]);
  port1.close();
  port2.close();
  assert.equal(transferred.length, 0);
  assert.equal(kept.toString(), 'precious');
});

test('a small chunk keeps no more memory than its own', async () => {
  const [chunk] = await firstChunks(['small', 'other']);
  assert.equal(chunk.buffer.byteLength, 'small'.length);
});

test('a large chunk arrives whole and can be transferred', async () => {
  const text = 'x'.repeat(1 << 20);
  const server = net.createServer((socket) => socket.end(text));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = net.connect(server.address().port, '127.0.0.1');
  let length = 0;
  socket.on('data', (chunk) => {
    length += chunk.length;
    structuredClone(chunk, { transfer: [chunk.buffer] });
  });
  await once(socket, 'close');
  server.close();
  assert.equal(length, text.length);
});

test('chunks of a busy stream share no memory, and keep little more than four times their size', async () => {
  const PAGE_BYTES = 4096;
  const block = Buffer.from(Array.from({ length: 251 }, (_, index) => index));
  const text = Buffer.concat(Array.from({ length: 40_000 }, () => block));
  const server = net.createServer((socket) => socket.end(text));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const chunks = [];
  const socket = net.connect(server.address().port, '127.0.0.1').on('data', (chunk) => chunks.push(chunk));
  await once(socket, 'close');
  server.close();
  // Kept until the end: no later read has touched them.
  assert.ok(Buffer.concat(chunks).equals(text));
  assert.equal(new Set(chunks.map((chunk) => chunk.buffer)).size, chunks.length);
  for (const chunk of chunks) {
    assert.ok(Buffer.isBuffer(chunk));
    assert.ok(chunk.buffer.byteLength <= 4 * chunk.length + PAGE_BYTES, `${chunk.length} bytes`);
  }
});
