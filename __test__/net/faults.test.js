'use strict';

// Peers that vanish, that never read and that read slowly: errors are told, and memory stays bounded.

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const readline = require('node:readline');
const { test } = require('node:test');

const net = require('../../lib/net');
const { socketPair } = require('../support/message-pair');

const CHUNK = 64 * 1024;
const chunk = Buffer.alloc(CHUNK, 'x');
// One read fills at most this (see lib/internal/read-memory.js).
const LARGEST_READ = 256 * 1024;

const closed = (socket) => new Promise((resolve) => socket.once('close', resolve));

for (const kind of ['tcp', 'unix']) {
  test(`${kind}: a peer that goes in the middle of a write`, async (t) => {
    const [client, accepted] = await socketPair(t, { kind });
    const outcomes = [];
    const failed = once(client, 'error');
    const gone = closed(client);
    // More than any kernel buffer takes.
    client.write(Buffer.alloc(64 << 20), (error) => outcomes.push(error?.code));
    client.write('behind it', (error) => outcomes.push(error.code));
    await once(accepted, 'data');
    if (kind === 'TCP') accepted.resetAndDestroy();
    else accepted.destroy();
    const [error] = await failed;
    assert.match(error.code, /^(ECONNRESET|EPIPE)$/);
    assert.match(error.syscall, /^(read|write)$/);
    assert.equal(await gone, true);
    assert.equal(outcomes.length, 2);
    // As Node 20, ours does not tell there that closing has cut off the write; see conformance/net/reset.
    assert.ok(outcomes.every((code) => /^(ECONNRESET|EPIPE|ECANCELED|undefined)$/.test(code)));
    assert.equal(client.write('late'), false);
  });

  test(`${kind}: a peer that never reads holds back a writer that listens to write()`, async (t) => {
    const [client, accepted] = await socketPair(t, { kind, serverOptions: { pauseOnConnect: true } });
    let taken = 0;
    const drains = [];
    client.on('drain', () => drains.push(taken));
    // Until the kernel has enough, and turns of the loop change nothing.
    for (;;) {
      while (!client.writableNeedDrain) {
        client.write(chunk);
        taken += CHUNK;
      }
      const before = drains.length;
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      if (drains.length === before) break;
    }
    assert.ok(
      client.writableLength <= client.writableHighWaterMark + CHUNK,
      `${client.writableLength} bytes wait`,
    );
    assert.ok(accepted.bytesRead === 0 && accepted.readableLength === 0);
    // A timer sees that nothing moves, and the writer can give up.
    client.setTimeout(10);
    await once(client, 'timeout');
    client.destroy();
    assert.equal(await closed(client), false);
  });

  test(`${kind}: a slow reader gets everything, and neither side hoards`, async (t) => {
    const [client, accepted] = await socketPair(t, { kind, serverOptions: { highWaterMark: 16 * 1024 } });
    const total = 24 << 20;
    let [mostWaiting, mostRead, received] = [0, 0, 0];
    const write = async () => {
      for (let written = 0; written < total; written += CHUNK) {
        const goesOn = client.write(chunk);
        mostWaiting = Math.max(mostWaiting, client.writableLength);
        if (!goesOn) await once(client, 'drain');
      }
      client.end();
    };
    const read = async () => {
      for await (const data of accepted) {
        received += data.length;
        mostRead = Math.max(mostRead, accepted.readableLength);
        await new Promise(setImmediate);
      }
    };
    await Promise.all([write(), read()]);
    assert.equal(received, total);
    assert.ok(mostWaiting <= client.writableHighWaterMark + CHUNK, `${mostWaiting} bytes waited`);
    assert.ok(mostRead <= 16 * 1024 + LARGEST_READ, `${mostRead} bytes read ahead`);
  });
}

test('a peer that ends its side still gets the answer (half-open), and one that goes ends both', async (t) => {
  for (const kind of ['tcp', 'unix']) {
    const [client, accepted] = await socketPair(t, { kind, serverOptions: { allowHalfOpen: true } });
    let request = '';
    let answer = '';
    accepted.on('data', (data) => (request += data));
    client.on('data', (data) => (answer += data));
    client.end('question');
    await once(accepted, 'end');
    assert.deepEqual([request, accepted.readyState], ['question', 'writeOnly']);
    for (let index = 0; index < 10; index++) {
      accepted.write(chunk);
      await new Promise(setImmediate);
    }
    accepted.end('.');
    await Promise.all([closed(client), closed(accepted)]);
    assert.equal(answer.length, 10 * CHUNK + 1);
  }
});

test('a server that has no descriptors left keeps its process alive, and goes on when there are some', async (t) => {
  const source = `
    const net = require(${JSON.stringify(require.resolve('../../lib/net'))});
    const server = net.createServer((socket) => { console.log('accepted'); socket.destroy(); });
    server.on('error', ({ code, syscall }) => console.log(code, syscall));
    server.listen(0, '127.0.0.1', () => console.log(server.address().port));`;
  const child = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const heard = async () => {
    const { value, done } = await lines.next();
    assert.ok(!done, 'the server has ended');
    return value;
  };
  const port = Number(await heard());
  const limit = (soft) => execFileSync('prlimit', ['--pid', child.pid, `--nofile=${soft}:`]);
  const [before] = execFileSync('prlimit', [
    '--pid',
    child.pid,
    '--nofile',
    '-o',
    'SOFT',
    '--noheadings',
    '--raw',
  ])
    .toString()
    .split('\n');
  const connect = () => {
    const client = net.connect(port, '127.0.0.1').on('error', () => {});
    t.after(() => client.destroy());
  };
  // Below what it has open: not even the descriptor that turns away comes back.
  limit(4);
  connect();
  connect();
  while ((await heard()) !== 'EMFILE accept') connect();
  limit(before);
  while ((await heard()) !== 'accepted');
});
