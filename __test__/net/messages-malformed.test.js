'use strict';

// net.messages(): what a peer must not send, what random and truncated input does, and that other connections go on.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const v8 = require('node:v8');

const net = require('../../lib/net');
const { messagePair, socketPair, take } = require('../support/message-pair');

const CODECS = { raw: 0, json: 1, v8: 2 };
const preamble = (codec) => Buffer.from([79, 88, 77, 1, CODECS[codec], 0, 0, 0]);

function frame(payload, kind = 0, id = 0) {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(payload.length);
  header.writeUInt32LE(((id << 8) | kind) >>> 0, 4);
  return Buffer.concat([header, Buffer.from(payload)]);
}

/** What a connection makes of bytes and then the end: its messages, and the error it closed with. */
async function receive(t, codec, bytes, options) {
  const [peer, socket] = await socketPair(t);
  const messages = net.messages(socket, { codec, ...options });
  const values = [];
  let error = null;
  messages.on('message', (value) => values.push(value));
  messages.on('error', (reason) => (error = reason));
  peer.on('error', () => {});
  peer.resume().end(bytes);
  // Not events.once(), which an 'error' would reject.
  await new Promise((resolve) => messages.once('close', resolve));
  assert.equal(socket.destroyed, true);
  return { values, error };
}

const good = [preamble('json'), frame('"good"')];

for (const [what, bytes, code, message] of [
  ['another protocol', ['GET / HTTP/1.1\r\n'], 'ERR_MESSAGE_MALFORMED', /something else than messages/],
  ['another version', [Buffer.from('OXM\x02\x01\0\0\0')], 'ERR_MESSAGE_MALFORMED', /version 2/],
  ['another codec', [preamble('raw')], 'ERR_MESSAGE_MALFORMED', /codec raw/],
  [
    'a frame above maxLength',
    [...good, Buffer.from([0, 0, 0, 1, 0, 0, 0, 0])],
    'ERR_MESSAGE_TOO_LONG',
    /16777216 bytes/,
  ],
  ['an unknown kind', [...good, frame('1', 9)], 'ERR_MESSAGE_MALFORMED', /kind 9/],
  ['a message with an id', [...good, frame('1', 0, 1)], 'ERR_MESSAGE_MALFORMED', /kind 0/],
  ['a request without an id', [...good, frame('1', 1)], 'ERR_MESSAGE_MALFORMED', /kind 1/],
  ['an answer to no request', [...good, frame('1', 2, 5)], 'ERR_MESSAGE_MALFORMED', /no request/],
  ['an error to no request', [...good, frame('{}', 3, 5)], 'ERR_MESSAGE_MALFORMED', /no request/],
  ['no JSON', [...good, frame('{]')], 'ERR_MESSAGE_MALFORMED', /not JSON/],
  ['no JSON at all', [...good, frame('')], 'ERR_MESSAGE_MALFORMED', /not JSON/],
  ['JSON that is not UTF-8', [...good, frame([34, 0xff, 34])], 'ERR_MESSAGE_MALFORMED', /not UTF-8/],
  [
    'halves that are JSON together',
    [...good, frame('1,2'), frame('[3'), frame('4]')],
    'ERR_MESSAGE_MALFORMED',
    /not JSON/,
  ],
  ['half a header', [...good, 'abc'], 'ERR_MESSAGE_MALFORMED', /ended/],
  [
    'half a message',
    [...good, frame('"cut off"').subarray(0, -2)],
    'ERR_MESSAGE_MALFORMED',
    /at least 2 bytes/,
  ],
]) {
  test(`${what} is an error that closes the connection, after the messages before it`, async (t) => {
    const chunks = bytes.map((chunk) => Buffer.from(chunk));
    const { values, error } = await receive(t, 'json', Buffer.concat(chunks), { maxLength: 1e6 });
    assert.deepEqual(values, bytes.length > 1 ? ['good'] : []);
    assert.equal(error?.code, code);
    assert.match(error.message, message);
  });
}

test("what is not V8's structured clone is an error", async (t) => {
  const bytes = [preamble('v8'), frame(v8.serialize('good')), frame('bad')];
  const { values, error } = await receive(t, 'v8', Buffer.concat(bytes));
  assert.deepEqual(values, ['good']);
  assert.equal(error.code, 'ERR_MESSAGE_MALFORMED');
  assert.ok(error.cause instanceof Error);
});

test('a loop gets the messages before the error, and then the error', async (t) => {
  const [peer, socket] = await socketPair(t);
  peer.on('error', () => {});
  peer.write(Buffer.concat([preamble('json'), frame('1'), frame('2'), frame('bad')]));
  const received = [];
  await assert.rejects(
    async () => {
      for await (const value of net.messages(socket)) received.push(value);
    },
    { code: 'ERR_MESSAGE_MALFORMED' },
  );
  assert.deepEqual(received, [1, 2]);
});

test('a promise of a long message costs no memory before it comes', async (t) => {
  const [peer, socket] = await socketPair(t);
  net.messages(socket, { codec: 'raw', maxLength: 2 ** 28 }).resume();
  const header = Buffer.alloc(8);
  header.writeUInt32LE(2 ** 28);
  const before = process.memoryUsage().rss;
  peer.write(Buffer.concat([preamble('raw'), header, Buffer.alloc(100_000)]));
  while (socket.bytesRead < 0) await new Promise(setImmediate);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  assert.ok(process.memoryUsage().rss - before < 2 ** 27);
});

test('other connections of the process do not notice', async (t) => {
  const [client, server] = await messagePair(t);
  server.handle((value) => value);
  const failed = receive(t, 'json', Buffer.from('nonsense nonsense'));
  assert.equal(await client.request('before'), 'before');
  assert.equal((await failed).error.code, 'ERR_MESSAGE_MALFORMED');
  assert.equal(await client.request('after'), 'after');
});

// xorshift32: the same cases every run.
function random(seed) {
  let state = seed * 2654435761 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

test('random, damaged and truncated streams: no crash, no value that was not sent whole', async (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const below = random(seed);
    const codec = Object.keys(CODECS)[below(3)];
    const encode = { raw: (value) => Buffer.from(value), json: JSON.stringify, v8: v8.serialize }[codec];
    const sent = Array.from({ length: below(30) }, (_, index) => `${index} ${'x'.repeat(below(3000))}`);
    let bytes = Buffer.concat([preamble(codec), ...sent.map((value) => frame(encode(value)))]);
    const damage = below(3);
    if (damage === 1) bytes = bytes.subarray(0, below(bytes.length + 1));
    if (damage === 2) {
      bytes = Buffer.from(bytes);
      for (let count = 0; count < 4; count++) bytes[below(bytes.length)] = below(256);
    }
    const { values, error } = await receive(t, codec, bytes, { maxLength: 1e6 });
    const texts = values.map(String);
    if (damage === 0) assert.equal(error, null, `seed ${seed}`);
    if (damage < 2) assert.deepEqual(texts, sent.slice(0, texts.length), `seed ${seed}`);
    if (damage === 0) assert.equal(texts.length, sent.length, `seed ${seed}`);
    assert.ok(texts.join('').length <= bytes.length, `seed ${seed}`);
    if (error !== null) assert.match(error.code, /^ERR_MESSAGE_(MALFORMED|TOO_LONG)$/, `seed ${seed}`);
  }
});

test('chunks of any size give the same messages', async (t) => {
  const [peer, socket] = await socketPair(t);
  peer.setNoDelay?.(true);
  const below = random(7);
  const sent = Array.from({ length: 40 }, (_, index) => ({ index, text: 'é'.repeat(below(400)) }));
  const bytes = Buffer.concat([
    preamble('json'),
    ...sent.map((value) => frame(Buffer.from(JSON.stringify(value)))),
  ]);
  const received = take(net.messages(socket), sent.length);
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + below(700);
    await new Promise((resolve) => peer.write(bytes.subarray(at, end), resolve));
    await new Promise((resolve) => setImmediate(resolve));
    at = end;
  }
  assert.deepEqual(await received, sent);
});
