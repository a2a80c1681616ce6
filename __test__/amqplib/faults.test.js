'use strict';

// Peers that are no brokers, or none that answer: one clear error each, the same as amqplib's, and nothing left behind.

const assert = require('node:assert/strict');
const { execFile, fork } = require('node:child_process');
const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');
const { promisify } = require('node:util');
const { after, test } = require('node:test');

const libraries = { original: require('amqplib'), ours: require('../../lib/amqplib') };
const { createBroker } = require('../../lib/broker');
const { refusingPort } = require('../support/refusing-port');
const { frame, method, short, withPeer } = require('../support/scripted-peer');

const PROGRAMS = path.join(__dirname, 'programs');

/** For what fails by itself: a bound for when it does not. */
const LIMIT_MS = 60_000;

async function listening(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => server.close());
  return server.address().port;
}

/** A server that sends `bytes` to whoever says something, and hangs up if told to. */
function answering(bytes, { end = false } = {}) {
  return net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(bytes);
      if (end) socket.end();
    });
  });
}

async function failure(library, url, options = { timeout: LIMIT_MS }) {
  const error = await library.connect(url, options).then(
    () => assert.fail('it connected'),
    (reason) => reason,
  );
  return { class: error.name, code: error.code, message: error.message };
}

/** Both fail alike, and the message matches. */
function failsAlike(name, pattern, open) {
  test(name, async () => {
    const port = await open();
    const theirs = await failure(libraries.original, `amqp://127.0.0.1:${port}`);
    const mine = await failure(libraries.ours, `amqp://127.0.0.1:${port}`);
    assert.deepEqual(mine, theirs);
    assert.match(mine.message, pattern);
  });
}

// connection.start whose table of server properties says that it is longer than what follows.
const truncatedTable = method(0, 10, 10, 0, 9, 0, 0, 1, 0, 3, ...Buffer.from('keyS'), 0, 0, 0, 200);
const oversized = Buffer.concat([Buffer.from([1, 0, 0, 0x7f, 0xff, 0xff, 0xff]), Buffer.alloc(100)]);

failsAlike('an HTTP server is no broker', /./, () =>
  listening(
    http.createServer().on('clientError', (_, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  ),
);
failsAlike('another version of the protocol is refused', /./, () =>
  listening(answering(Buffer.from('AMQP\0\x01\0\0'), { end: true })),
);
failsAlike('a frame beyond the limit is refused', /size/i, () => listening(answering(oversized)));
failsAlike('a peer that hangs up is told so', /Socket closed abruptly/, () =>
  listening(answering(Buffer.alloc(0), { end: true })),
);

/** Ours alone where amqplib waits for ever or dies of it: an error with a text, in time. */
function fails(name, open) {
  test(name, async () => {
    const port = await open();
    const { message } = await failure(libraries.ours, `amqp://127.0.0.1:${port}`);
    assert.ok(message.length > 0);
  });
}

fails('a truncated field table is an error', () => listening(answering(truncatedTable)));
fails('a frame of a channel that cannot be is an error', () =>
  listening(answering(frame(1, 7, Buffer.from([0, 60, 0, 60, ...short(1)])))),
);

// The same bytes in each run: a linear congruential generator (Numerical Recipes).
function* randomBytes(seed) {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 24;
  }
}

test('random bytes are an error, whatever they are', async () => {
  let seed = 0;
  const port = await listening(
    net.createServer((socket) => {
      const bytes = randomBytes(++seed);
      socket.on('error', () => {});
      socket.once('data', () =>
        socket.end(Buffer.from(Array.from({ length: 500 }, () => bytes.next().value))),
      );
    }),
  );
  for (let round = 0; round < 100; round++) {
    const { message } = await failure(libraries.ours, `amqp://127.0.0.1:${port}`);
    assert.ok(message.length > 0);
  }
});

// A listener whose process sleeps: once its backlog is full, connecting gets no answer at all.
// Whichever thread meets the end, and whatever the other one is doing then.
for (const [what, end] of Object.entries({
  'goes away while much is sent to it': (peer, channel) => {
    peer.socket.destroy();
    for (let i = 0; i < 60; i++) channel.publish('', 'q', Buffer.alloc(200));
  },
  'sends nonsense right after an answer': (peer) => peer.send(Buffer.from([1, 0, 1, 0, 0, 0, 1, 0, 0])),
})) {
  test(`every connection whose peer ${what} is told`, async () => {
    for (let i = 0; i < 100; i++) {
      await withPeer(async (url, accept) => {
        const connecting = libraries.ours.connect(url);
        const peer = await accept();
        const connection = await connecting;
        const failed = once(connection, 'error');
        const channel = await connection.createChannel();
        end(peer, channel);
        await failed;
      });
    }
  });
}

test('a connection that has closed hangs up at once when its stream is destroyed', async () => {
  const unsent = Buffer.alloc(20 << 20);
  await withPeer(async (url, accept) => {
    const connecting = libraries.ours.connect(url);
    const peer = await accept();
    const connection = await connecting;
    const channel = await connection.createChannel();
    const told = once(connection, 'blocked');
    peer.send(method(0, 10, 60, 0));
    await told;
    peer.socket.pause();
    channel.publish('', 'q', unsent);
    const { stream } = connection.connection;
    await connection.close();
    assert.deepEqual([stream.writable, stream.destroyed], [false, false]);
    const closed = once(stream, 'close');
    stream.destroy().destroy();
    assert.deepEqual(await closed, [false]);
    const before = peer.socket.bytesRead;
    peer.socket.on('error', () => {}).resume();
    await once(peer.socket, 'close');
    assert.ok(peer.socket.bytesRead - before < unsent.length);
  });
});

test('an address that does not answer is an error after the time-out', async (t) => {
  const child = fork(path.join(PROGRAMS, 'sleeping-listener.js'));
  t.after(() => child.kill('SIGKILL'));
  const [port] = await once(child, 'message');
  const fillers = [];
  t.after(() => {
    for (const socket of fillers) socket.destroy();
  });
  // Linux queues one connection more than the backlog of 1.
  for (let index = 0; index < 2; index++) {
    const socket = net.connect(port, '127.0.0.1');
    fillers.push(socket);
    await once(socket, 'connect');
  }
  const url = `amqp://127.0.0.1:${port}`;
  const theirs = await failure(libraries.original, url, { timeout: 100 });
  const mine = await failure(libraries.ours, url, { timeout: 100 });
  assert.deepEqual(mine, theirs);
  assert.equal(mine.message, 'connect ETIMEDOUT');
});

test('1,000 connections and 300 failures leave no descriptor, no thread and no memory', async () => {
  const broker = await createBroker({ port: 0 });
  const { port, close } = refusingPort();
  try {
    const args = [
      '--expose-gc',
      // Its growth is none of ours.
      '--max-semi-space-size=1',
      path.join(PROGRAMS, 'connect-and-close.js'),
      broker.url,
      `amqp://127.0.0.1:${port}`,
    ];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { before, afterwards } = JSON.parse(stdout);
    assert.ok(afterwards.descriptors <= before.descriptors, stdout);
    assert.equal(afterwards.threads, before.threads);
    // 1,300 read buffers of 16 KiB would be 20 MiB; what is allowed is half of that.
    const grown = afterwards.bytes - before.bytes;
    assert.ok(grown < 10 << 20, `${grown} bytes more`);
  } finally {
    close();
    await broker.close();
  }
});
