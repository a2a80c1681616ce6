'use strict';

// net.messages(): requests and their answers, time-outs, cancellation, and what a lost connection does to them.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { Duplex } = require('node:stream');
const { test } = require('node:test');

const net = require('../../lib/net');
const { messagePair, socketPair } = require('../support/message-pair');

for (const [codec, question, answer] of [
  ['raw', Buffer.from('question'), Buffer.from('answer')],
  ['json', { question: 'é' }, ['answer']],
  ['v8', new Set(['question']), 1n],
]) {
  test(`${codec}: requests of both sides are answered, beside messages`, async (t) => {
    const [client, server] = await messagePair(t, { codec });
    const seen = [];
    server.handle((value) => {
      seen.push(value);
      return answer;
    });
    client.handle(async (value) => value);
    server.on('message', (value) => seen.push(value));
    client.send(question);
    const answers = await Promise.all([
      client.request(question),
      client.request(question),
      server.request(answer),
    ]);
    assert.deepEqual(answers, [answer, answer, answer]);
    assert.deepEqual(seen, [question, question, question]);
  });

  test(`${codec}: a handler that returns nothing answers with nothing`, async (t) => {
    const [client, server] = await messagePair(t, { codec });
    server.handle(() => {});
    const nothing = codec === 'raw' ? Buffer.alloc(0) : undefined;
    assert.deepEqual(await Promise.all([client.request(question), client.request(question)]), [
      nothing,
      nothing,
    ]);
  });
}

test('answers find their requests in whatever order they come', async (t) => {
  const [client, server] = await messagePair(t);
  const waiting = [];
  server.handle(
    (value) =>
      new Promise((resolve) => {
        waiting.push(() => resolve(value));
        if (waiting.length === 100) for (const answer of waiting.reverse()) answer();
      }),
  );
  const numbers = Array.from({ length: 100 }, (_, index) => index);
  assert.deepEqual(await Promise.all(numbers.map((number) => client.request(number))), numbers);
});

test('errors of a handler travel back: name, message, code', async (t) => {
  const [client, server] = await messagePair(t, { codec: 'v8' });
  const failures = {
    thrown() {
      throw Object.assign(new TypeError('thrown: é'), { code: 'ECODE' });
    },
    rejected: async () => Promise.reject(Object.assign(new Error('rejected'), { code: 7 })),
    text() {
      throw 'only text';
    },
    undefined: () => Promise.reject(),
    unsendable: () => () => {},
    hostile() {
      throw Object.defineProperty(new Error(), 'message', {
        get() {
          throw new Error('no message');
        },
      });
    },
    long() {
      throw new Error('\u0000'.repeat(1e6));
    },
  };
  server.handle((name) => failures[name]());
  await assert.rejects(client.request('thrown'), { name: 'TypeError', message: 'thrown: é', code: 'ECODE' });
  await assert.rejects(client.request('rejected'), { name: 'Error', message: 'rejected', code: 7 });
  await assert.rejects(client.request('text'), { name: 'Error', message: 'only text' });
  await assert.rejects(client.request('undefined'), { message: 'undefined' });
  await assert.rejects(client.request('unsendable'), { message: /could not be cloned/ });
  await assert.rejects(client.request('hostile'), { name: 'Error', message: '' });
  await assert.rejects(client.request('long'), { message: '\u0000'.repeat(8192) });
});

test('without a handler, or with an answer that is too long, a request fails and the connection goes on', async (t) => {
  const [client, server] = await messagePair(t, { maxLength: 100 });
  await assert.rejects(client.request(1), { code: 'ERR_MESSAGE_NO_HANDLER' });
  server.handle((length) => 'x'.repeat(length));
  await assert.rejects(client.request(200), { code: 'ERR_MESSAGE_TOO_LONG' });
  assert.equal(await client.request(1), 'x');
  server.handle(null);
  await assert.rejects(client.request(1), { code: 'ERR_MESSAGE_NO_HANDLER' });
});

test('a time-out rejects the request and reaches the handlers signal; a late answer harms nobody', async (t) => {
  const [client, server] = await messagePair(t);
  let signal;
  const aborted = new Promise((resolve) =>
    server.handle((value, context) => {
      if (value === 'quick') return 'answer';
      signal = context.signal;
      return new Promise((answer) =>
        signal.addEventListener('abort', () => {
          answer('late');
          resolve();
        }),
      );
    }),
  );
  await assert.rejects(client.request('slow', { timeout: 5 }), {
    code: 'ERR_MESSAGE_REQUEST_TIMEOUT',
    message: 'The request was not answered within 5 ms',
  });
  await aborted;
  assert.equal(signal.aborted, true);
  assert.equal(await client.request('quick', { timeout: 60_000 }), 'answer');
});

test('an AbortSignal rejects the request and reaches the handler', async (t) => {
  const [client, server] = await messagePair(t);
  const reason = new Error('changed my mind');
  await assert.rejects(client.request(1, { signal: AbortSignal.abort(reason) }), {
    name: 'AbortError',
    code: 'ABORT_ERR',
    cause: reason,
  });
  const controller = new AbortController();
  const aborted = new Promise((resolve) =>
    server.handle((_, { signal }) => {
      signal.addEventListener('abort', resolve);
      controller.abort(reason);
      return new Promise(() => {});
    }),
  );
  await assert.rejects(client.request(1, { signal: controller.signal }), {
    name: 'AbortError',
    cause: reason,
  });
  await aborted;
});

test('a request that is cancelled before its turn is not handled', async (t) => {
  const [client, server] = await messagePair(t);
  const handled = [];
  server.handle((value) => handled.push(value));
  server.pause();
  const controller = new AbortController();
  const cancelled = client.request('cancelled', { signal: controller.signal });
  controller.abort();
  await assert.rejects(cancelled, { name: 'AbortError' });
  const kept = client.request('kept');
  server.resume();
  await kept;
  assert.deepEqual(handled, ['kept']);
});

test('no more requests run at once than `concurrency`; the others wait', async (t) => {
  const [client, server] = await messagePair(t);
  let running = 0;
  let most = 0;
  server.handle(
    async (value) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return value;
    },
    { concurrency: 3 },
  );
  const numbers = Array.from({ length: 50 }, (_, index) => index);
  assert.deepEqual(await Promise.all(numbers.map((number) => client.request(number))), numbers);
  assert.equal(most, 3);
});

test('a lost connection rejects what waits and aborts what runs', async (t) => {
  const [client, server] = await messagePair(t, {}, { kind: 'tcp' });
  const aborted = new Promise((resolve) =>
    server.handle((_, { signal }) => {
      signal.addEventListener('abort', resolve);
      client.socket.resetAndDestroy();
      return new Promise(() => {});
    }),
  );
  const failed = once(server, 'error');
  await assert.rejects(client.request(1), { code: 'ERR_MESSAGES_CLOSED' });
  await aborted;
  assert.equal((await failed)[0].code, 'ECONNRESET');
  await assert.rejects(client.request(1), { code: 'ERR_MESSAGES_CLOSED' });
});

test('a failed connection tells the requests its reason, and is no uncaught error then', async (t) => {
  const [client, server] = await messagePair(t, {}, { kind: 'tcp' });
  server.handle(() => {
    server.socket.resetAndDestroy();
    return new Promise(() => {});
  });
  const error = await client.request(1).catch((reason) => reason);
  assert.equal(error.code, 'ERR_MESSAGES_CLOSED');
  assert.equal(error.cause.code, 'ECONNRESET');
  if (!client.destroyed) await once(client, 'close');
});

test('end() waits for the answers of both sides', async (t) => {
  const [client, server] = await messagePair(t);
  let answer;
  server.handle(
    (value) =>
      new Promise((resolve) => {
        answer = () => resolve(value);
        setImmediate(() => client.end() && setImmediate(answer));
      }),
  );
  const closed = once(server, 'close');
  assert.equal(await client.request('patient'), 'patient');
  await closed;
});

test('requests that come after end() are refused', async (t) => {
  const [client, server] = await messagePair(t);
  let answer;
  server.handle(() => new Promise((resolve) => (answer = resolve)));
  const first = client.request('first');
  while (answer === undefined) await new Promise((resolve) => setImmediate(resolve));
  server.end();
  await assert.rejects(client.request('second'), { code: 'ERR_MESSAGES_CLOSED' });
  answer('answered');
  assert.equal(await first, 'answered');
  await once(client, 'close');
});

test('an exception in an abort listener or a handler keeps nothing from the others', async (t) => {
  const [client, server] = await messagePair(t);
  server.handle((value) => {
    if (value % 2) throw new Error(`odd: ${value}`);
    return value;
  });
  const results = await Promise.allSettled([0, 1, 2, 3].map((value) => client.request(value)));
  assert.deepEqual(
    results.map(({ value, reason }) => value ?? reason.message),
    [0, 'odd: 1', 2, 'odd: 3'],
  );
});

test('a peer that does not read its answers waits with its requests, and gets them all when it reads', async (t) => {
  const [peer, socket] = await socketPair(t);
  const requests = 1000;
  const answer = Buffer.alloc(64 * 1024);
  let handled = 0;
  net.messages(socket, { codec: 'raw' }).handle(() => ++handled && answer, { concurrency: 4 });
  const frames = [Buffer.from('OXM\x01\0\0\0\0')];
  for (let id = 1; id <= requests; id++) frames.push(Buffer.from([0, 0, 0, 0, 1, id & 0xff, id >> 8, 0]));
  peer.write(Buffer.concat(frames));
  while (handled === 0) await new Promise((resolve) => setImmediate(resolve));
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(handled < requests / 2, `${handled} of ${requests} were handled`);
  const expected = 8 + requests * (8 + answer.length);
  await new Promise((resolve) => peer.on('data', () => peer.bytesRead === expected && resolve()));
  assert.equal(handled, requests);
});

test('an abort listener that sends at once leaves the other requests of the batch as they are', async (t) => {
  const [peer, socket] = await socketPair(t);
  const other = synchronousPair().map((stream) => net.messages(stream, { codec: 'raw' }));
  other[1].resume();
  const messages = net.messages(socket, { codec: 'raw' });
  const seen = [];
  const all = new Promise((resolve) => {
    const note = (text) => seen.push(text) === 3 && resolve();
    messages.on('message', (value) => note(`message ${value}`));
    messages.handle((value, { signal }) => {
      note(`request ${value}`);
      // The last is sent on the spot, with those before it.
      signal.addEventListener('abort', () => {
        for (const length of [1, 1, 1, 1, 20_000]) other[0].send(Buffer.alloc(length));
      });
      return new Promise(() => {});
    });
  });
  const frame = (kind, id, text) => Buffer.from([text.length, 0, 0, 0, kind, id, 0, 0, ...Buffer.from(text)]);
  peer.write(Buffer.concat([Buffer.from('OXM\x01\0\0\0\0'), frame(1, 1, 'one')]));
  while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
  peer.write(Buffer.concat([frame(4, 1, ''), frame(1, 2, 'two'), frame(1, 3, 'three')]));
  await all;
  assert.deepEqual(seen, ['request one', 'request two', 'request three']);
});

function synchronousPair() {
  const end = (other) =>
    new Duplex({
      read() {},
      write(chunk, _encoding, callback) {
        other().push(chunk);
        callback();
      },
    });
  const pair = [end(() => pair[1]), end(() => pair[0])];
  return pair;
}

test('a peer that never answers what was given up gets no more requests', async (t) => {
  const [socket] = await socketPair(t);
  const client = net.messages(socket);
  const request = () => {
    const controller = new AbortController();
    const given = client.request(Buffer.alloc(0), { signal: controller.signal });
    controller.abort();
    return given.catch(({ code }) => code);
  };
  const codes = new Map();
  for (let count = 0; count < 65_537; count++) {
    const code = await request();
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  assert.deepEqual(
    [...codes],
    [
      ['ABORT_ERR', 65_536],
      ['ERR_MESSAGE_REQUESTS_UNANSWERED', 1],
    ],
  );
});
