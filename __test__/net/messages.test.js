'use strict';

// net.messages(): values that arrive, back-pressure, listeners and loops, the end.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { execFileSync } = require('node:child_process');
const { once } = require('node:events');
const { Duplex } = require('node:stream');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');

const net = require('../../lib/net');
const { messagePair, socketPair, take } = require('../support/message-pair');

const modulePath = JSON.stringify(require.resolve('../../lib/net'));

const values = {
  raw: [
    Buffer.from('a'),
    Buffer.alloc(0),
    Buffer.alloc(100, 'x'),
    Buffer.alloc(16_383, 'y'),
    Buffer.alloc(1e6, 'z'),
  ],
  json: [1, 'text', null, false, { a: [1, { b: 'é😀' }] }, 'x'.repeat(300_000), 'é'.repeat(100_000), [], {}],
  v8: [
    1n,
    undefined,
    new Map([['key', new Set([1])]]),
    new Date(0),
    Buffer.from('bytes'),
    { deep: { er: true } },
  ],
};

for (const kind of ['unix', 'tcp']) {
  for (const codec of ['raw', 'json', 'v8']) {
    test(`${codec} values come over ${kind} as they were sent, in order`, async (t) => {
      const [client, server] = await messagePair(t, { codec }, { kind });
      const sent = Array.from({ length: 20 }, () => values[codec]).flat();
      const received = take(server, sent.length);
      for (const value of sent) client.send(value);
      assert.deepEqual(await received, sent);
      // And the other way.
      const back = take(client, 2);
      server.send(values[codec][0]);
      server.send(values[codec][1]);
      assert.deepEqual(await back, values[codec].slice(0, 2));
    });
  }
}

test('raw takes every view of bytes, and the memory is free again after send()', async (t) => {
  const [client, server] = await messagePair(t, { codec: 'raw' });
  const received = take(server, 4);
  const small = Buffer.from('small');
  const large = Buffer.alloc(500_000, 'l');
  client.send(small);
  client.send(large);
  small.fill(0);
  large.fill(0);
  client.send(new Uint16Array([0x4241]));
  client.send(new DataView(Uint8Array.from([67, 68, 69]).buffer, 1, 2));
  const [first, second, third, fourth] = (await received).map(String);
  assert.equal(first, 'small');
  assert.equal(second, 'l'.repeat(500_000));
  assert.equal(third, 'AB');
  assert.equal(fourth, 'DE');
});

test('a large message has memory of its own, small ones share what came with them and no more', async (t) => {
  const [client, server] = await messagePair(t, { codec: 'raw' });
  const received = take(server, 3);
  client.send(Buffer.alloc(10));
  client.send(Buffer.alloc(20));
  client.send(Buffer.alloc(50_000));
  const [first, second, large] = await received;
  assert.equal(large.buffer.byteLength, 50_000);
  for (const small of [first, second]) assert.ok(small.buffer.byteLength <= 30);
});

test('what is sent before the connection is there arrives when it is', async (t) => {
  const server = net.createServer();
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = net.connect(server.address().port, '127.0.0.1');
  t.after(() => socket.destroy());
  const client = net.messages(socket);
  client.send('early');
  const [accepted] = await once(server, 'connection');
  t.after(() => accepted.destroy());
  assert.deepEqual(await take(net.messages(accepted), 1), ['early']);
});

test('bytes before the messages are the streams own, on both sides', async (t) => {
  const [client, server] = await socketPair(t);
  client.write('hello\n');
  client.write(Buffer.alloc(3_000_000, 'x'));
  const sender = net.messages(client);
  sender.send({ first: true });
  let left = 'hello\n'.length + 3_000_000;
  for await (const chunk of server.iterator({ destroyOnReturn: false })) {
    if (chunk.length < left) {
      left -= chunk.length;
      continue;
    }
    // The rest is messages already.
    if (chunk.length > left) server.unshift(chunk.subarray(left));
    break;
  }
  assert.deepEqual(await take(net.messages(server), 1), [{ first: true }]);
});

for (const length of [0, 10, 4_000_000]) {
  test(`a socket that has ended its side, ${length} bytes under way, still receives`, async (t) => {
    const [client, server] = await socketPair(t, { serverOptions: { allowHalfOpen: true } });
    const parts = [length >> 1, length - (length >> 1)];
    for (const part of parts) if (part > 0) client.write(Buffer.alloc(part, 'x'));
    client.end();
    const received = take(net.messages(client), 1);
    let arrived = 0;
    for await (const chunk of server.iterator({ destroyOnReturn: false })) arrived += chunk.length;
    assert.equal(arrived, length);
    net.messages(server).send('late');
    assert.deepEqual(await received, ['late']);
  });
}

test('send() says false when much waits, and drain comes when it is gone', async (t) => {
  const [client, server] = await messagePair(t, { codec: 'raw', highWaterMark: 10_000 });
  server.pause();
  const message = Buffer.alloc(1000);
  let sent = 0;
  // Until not even the kernel takes more: a full turn of the loop passes without 'drain'.
  for (let full = false; !full; ) {
    while (client.send(message)) sent++;
    sent++;
    assert.equal(client.writableNeedDrain, true);
    full = await Promise.race([
      once(client, 'drain').then(() => false),
      new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve, true)))),
    ]);
  }
  const drained = once(client, 'drain');
  const received = take(server, sent);
  server.resume();
  await Promise.all([drained, received]);
  assert.equal(client.writableNeedDrain, false);
});

test('a receiver that is paused, or that nobody listens to, stops reading', async (t) => {
  const [client, server] = await messagePair(t, { codec: 'raw' });
  const message = Buffer.alloc(1000);
  for (let count = 0; count < 5000; count++) client.send(message);
  // One read has come, at most, and waits; the rest is in the kernel and with the sender.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  assert.ok(server.socket.bytesRead <= 128 * 1024, `${server.socket.bytesRead} bytes read`);
  let heard = 0;
  await new Promise((resolve) =>
    server.on('message', () => {
      heard++;
      if (heard === 10) {
        server.pause();
        assert.equal(server.isPaused(), true);
        setImmediate(() => {
          assert.equal(heard, 10);
          server.resume();
        });
      }
      if (heard === 5000) resolve();
    }),
  );
});

test('once() takes one message and leaves the others to later listeners', async (t) => {
  const [client, server] = await messagePair(t);
  for (const value of [1, 2, 3]) client.send(value);
  assert.deepEqual(await once(server, 'message'), [1]);
  assert.deepEqual(await once(server, 'message'), [2]);
  assert.deepEqual(await take(server, 1), [3]);
});

test('resume() drops what nobody takes', async (t) => {
  const [client, server] = await messagePair(t);
  server.resume();
  client.send('unheard');
  client.handle(() => 'answer');
  assert.equal(await server.request('question'), 'answer');
  const heard = take(server, 1);
  client.send('heard');
  assert.deepEqual(await heard, ['heard']);
});

test('for await takes messages in order and ends with the connection', async (t) => {
  const [client, server] = await messagePair(t);
  for (let index = 0; index < 3000; index++) client.send(index);
  client.end();
  const received = [];
  for await (const value of server) received.push(value);
  assert.deepEqual(
    received,
    Array.from({ length: 3000 }, (_, index) => index),
  );
});

test('leaving a for await leaves the connection open, and the next loop goes on', async (t) => {
  const [client, server] = await messagePair(t);
  for (let index = 0; index < 10; index++) client.send(index);
  for await (const value of server) if (value === 3) break;
  assert.equal(server.destroyed, false);
  const { value } = await server[Symbol.asyncIterator]().next();
  assert.equal(value, 4);
});

test('a loop that is slow holds up the sender, not memory', async (t) => {
  const [client, server] = await messagePair(t, { codec: 'raw' });
  const message = Buffer.alloc(10_000);
  const count = 2000;
  let waited = false;
  const sending = (async () => {
    for (let index = 0; index < count; index++) {
      if (client.send(message)) continue;
      waited = true;
      await once(client, 'drain');
    }
    client.end();
  })();
  let received = 0;
  for await (const value of server) {
    received += value.length;
    assert.ok(server.socket.bytesRead - received < 300_000);
    if (received % 1_000_000 === 0) await new Promise(setImmediate);
  }
  await sending;
  assert.equal(received, count * message.length);
  assert.ok(waited);
});

test('a listener that throws keeps no message of the batch from the next call', () => {
  const script = `
    const net = require(${modulePath});
    process.on('uncaughtException', ({ message }) => console.log(message));
    const server = net.createServer((socket) => {
      const messages = net.messages(socket);
      messages.on('message', (value) => {
        console.log(value);
        if (value % 2) throw new Error('thrown at ' + value);
      });
      messages.on('close', () => server.close());
    }).listen(0, () => {
      const client = net.messages(net.connect(server.address().port));
      for (let value = 0; value < 4; value++) client.send(value);
      client.end();
    });`;
  const output = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  assert.equal(output, '0\n1\nthrown at 1\n2\n3\nthrown at 3\n');
});

test('end() closes both sides; send() then throws here and says false there', async (t) => {
  const [client, server] = await messagePair(t);
  const order = [];
  for (const event of ['end', 'close']) server.on(event, () => order.push(event));
  server.on('message', (value) => order.push(value));
  client.send('last');
  client.end();
  assert.throws(() => client.send('too late'), { code: 'ERR_MESSAGES_CLOSED' });
  await once(server, 'close');
  assert.deepEqual(order, ['last', 'end', 'close']);
  assert.equal(server.send('nobody'), false);
  await assert.rejects(server.request('nobody'), { code: 'ERR_MESSAGES_CLOSED' });
});

test('close() resolves when the connection is closed, also the second time', async (t) => {
  const [client, server] = await messagePair(t);
  server.send('dropped');
  await Promise.all([client.close(), client.close()]);
  await client.close();
  assert.equal(client.destroyed, true);
  await server[Symbol.asyncDispose]();
});

test('a half-open socket goes on sending after its peer has ended', async (t) => {
  const [client, server] = await messagePair(t, {}, { serverOptions: { allowHalfOpen: true } });
  client.end();
  server.resume();
  await once(server, 'end');
  const received = take(client, 1);
  server.send('still here');
  assert.deepEqual(await received, ['still here']);
  server.end();
  await once(client, 'close');
});

test('the sockets counters, time-out and close event go on', async (t) => {
  const [client, server] = await messagePair(t, { codec: 'raw' });
  const received = take(server, 1);
  client.send(Buffer.alloc(100));
  await received;
  // The preamble, a header, the payload.
  assert.equal(client.socket.bytesWritten, 116);
  assert.equal(server.socket.bytesRead, 116);
  const closed = once(client.socket, 'close');
  server.socket.setTimeout(1, () => server.destroy());
  await closed;
});

test('the sockets own write() is refused, also before it is connected', async (t) => {
  const [connected] = await messagePair(t);
  const server = net.createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const connecting = net.messages(net.connect(server.address().port, '127.0.0.1'));
  for (const messages of [connected, connecting]) {
    const failed = once(messages, 'error');
    const called = new Promise((resolve) => messages.socket.write('in between', resolve));
    assert.equal((await called).code, 'EBUSY');
    assert.equal((await failed)[0].code, 'EBUSY');
  }
});

test('AsyncLocalStorage: listeners have that of net.messages(), requests that of their caller', async (t) => {
  const [client, server] = await socketPair(t);
  const storage = new AsyncLocalStorage();
  const seen = [];
  const receiver = storage.run('receiver', () => net.messages(server));
  const sender = storage.run('sender', () => net.messages(client));
  const heard = new Promise((resolve) =>
    receiver.on('message', (value) => {
      seen.push([value, storage.getStore()]);
      if (value === 2) resolve();
    }),
  );
  receiver.handle(() => storage.getStore());
  sender.send(1);
  await storage.run('caller', async () => {
    seen.push([await sender.request('who'), storage.getStore()]);
  });
  storage.run('pauser', () => receiver.pause());
  sender.send(2);
  storage.run('resumer', () => receiver.resume());
  await heard;
  assert.deepEqual(seen, [
    [1, 'receiver'],
    ['receiver', 'caller'],
    [2, 'receiver'],
  ]);
});

test('any Duplex carries messages: a socket of Nodes, a pair of streams', async (t) => {
  const [client, server] = await socketPair(t, { client: require('node:net') });
  const [sender, receiver] = [net.messages(client), net.messages(server)];
  receiver.handle((value) => value * 2);
  const received = take(receiver, 200);
  for (let index = 0; index < 200; index++) sender.send('x'.repeat(index * 10));
  assert.equal(await sender.request(21), 42);
  assert.equal((await received)[199].length, 1990);
  sender.end();
  await once(receiver, 'close');

  const there = new (require('node:stream').PassThrough)();
  const back = new (require('node:stream').PassThrough)();
  const left = net.messages(Duplex.from({ readable: back, writable: there }), { codec: 'v8' });
  const right = net.messages(Duplex.from({ readable: there, writable: back }), { codec: 'v8' });
  right.handle((value) => new Map([[1, value]]));
  assert.deepEqual(await left.request(7n), new Map([[1, 7n]]));
  left.end();
  right.end();
});

test('works in a worker thread, and ends with it', async (t) => {
  const server = net.createServer((socket) => net.messages(socket).handle((value) => value + 1));
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const script = `
    const net = require(${modulePath});
    const { parentPort } = require('node:worker_threads');
    const messages = net.messages(net.connect(${server.address().port}, '127.0.0.1'));
    messages.request(1).then((answer) => {
      parentPort.postMessage(answer);
      messages.on('message', () => {});
    });`;
  const worker = new Worker(script, { eval: true });
  t.after(() => worker.terminate());
  assert.deepEqual(await once(worker, 'message'), [2]);
  const connections = () => new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
  assert.equal(await connections(), 1);
  await worker.terminate();
  while ((await connections()) > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('messages sent in the tick of process.exit() leave, and unref() lets a process end', () => {
  const script = `
    const net = require(${modulePath});
    const server = net.createServer((socket) => {
      const messages = net.messages(socket);
      messages.on('message', console.log);
      messages.on('close', () => process.exit());
    }).listen(0, () => {
      require('child_process').execFile(process.execPath, ['-e', \`
        const net = require(${modulePath.replaceAll('\\', '\\\\')});
        const socket = net.connect(\${server.address().port}, () => {
          net.messages(socket).send('goodbye');
          process.exit();
        });\`]);
    });
    server.unref();`;
  assert.equal(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }), 'goodbye\n');
  const unref = `
    const net = require(${modulePath});
    const server = net.createServer((socket) => net.messages(socket).unref()).listen(0, () => {
      const socket = net.connect(server.address().port, () => { net.messages(socket).unref(); server.unref(); });
    });`;
  execFileSync(process.execPath, ['-e', unref], { timeout: 60_000 });
});

test('arguments are checked', async (t) => {
  const [socket] = await socketPair(t);
  const throws = (code, ...args) => assert.throws(() => net.messages(...args), { code });
  throws('ERR_INVALID_ARG_TYPE', undefined);
  throws('ERR_INVALID_ARG_TYPE', {});
  throws('ERR_INVALID_ARG_TYPE', socket, null);
  throws('ERR_INVALID_ARG_VALUE', socket, { codec: 'xml' });
  throws('ERR_OUT_OF_RANGE', socket, { maxLength: 0 });
  throws('ERR_OUT_OF_RANGE', socket, { maxLength: 2 ** 30 });
  throws('ERR_INVALID_ARG_TYPE', socket, { maxLength: '1' });
  throws('ERR_OUT_OF_RANGE', socket, { highWaterMark: 0.5 });
  throws('ERR_INVALID_ARG_VALUE', new Duplex({ objectMode: true }));
  throws('ERR_INVALID_ARG_VALUE', new Duplex().setEncoding('utf8'));
  throws('ERR_SOCKET_CLOSED', new net.Socket().destroy());

  const messages = net.messages(socket, { maxLength: 100 });
  throws('ERR_INVALID_ARG_VALUE', socket);
  assert.throws(() => messages.send(undefined), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => messages.send(1n), TypeError);
  assert.throws(() => messages.send('x'.repeat(99)), { code: 'ERR_MESSAGE_TOO_LONG', name: 'RangeError' });
  assert.throws(() => messages.send('é'.repeat(50)), { code: 'ERR_MESSAGE_TOO_LONG' });
  messages.send('é'.repeat(49));
  assert.throws(() => messages.handle('fn'), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => messages.handle(null, { concurrency: 0 }), { code: 'ERR_OUT_OF_RANGE' });
  await assert.rejects(messages.request(1, null), { code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(messages.request(1, { timeout: -1 }), { code: 'ERR_OUT_OF_RANGE' });
  await assert.rejects(messages.request(1, { signal: 1 }), { code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(messages.request(undefined), { code: 'ERR_INVALID_ARG_VALUE' });
  const [other] = await socketPair(t);
  assert.throws(() => net.messages(other, { codec: 'raw' }).send('text'), { code: 'ERR_INVALID_ARG_TYPE' });
});
