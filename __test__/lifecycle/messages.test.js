'use strict';

// net.messages(): what connections leave behind when they are closed, dropped, or end with their thread.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const { test } = require('node:test');
const { promisify } = require('node:util');

const net = require('../../lib/net');

const modulePath = JSON.stringify(require.resolve('../../lib/net'));
const run = (script, ...flags) =>
  promisify(execFile)(process.execPath, [...flags, '-e', `const net = require(${modulePath});${script}`]);

const countDescriptors = () => fs.readdirSync('/proc/self/fd').length;

test('2,000 connections with a request each leave no descriptor and nothing on the heap behind', async () => {
  const { stdout } = await run(
    `
    const fs = require('node:fs');
    const server = net.createServer((socket) => net.messages(socket).handle((value) => value));
    server.listen(0, '127.0.0.1', async () => {
      const visit = async (value) => {
        const messages = net.messages(net.connect(server.address().port, '127.0.0.1'));
        if ((await messages.request(value)) !== value) throw new Error('another answer');
        await messages.close();
      };
      const cycle = async (count) => {
        for (let done = 0; done < count; done += 50)
          await Promise.all(Array.from({ length: 50 }, (_, index) => visit(done + index)));
        while (server._connections > 0) await new Promise((resolve) => setImmediate(resolve));
        for (let round = 0; round < 3; round++) {
          gc();
          await new Promise((resolve) => setImmediate(resolve));
        }
        const { heapUsed, external } = process.memoryUsage();
        return { descriptors: fs.readdirSync('/proc/self/fd').length, bytes: heapUsed + external };
      };
      const before = await cycle(500);
      const after = await cycle(2000);
      console.log(JSON.stringify([after.descriptors - before.descriptors, after.bytes - before.bytes]));
      server.close();
    });`,
    '--expose-gc',
  );
  const [descriptors, bytes] = JSON.parse(stdout);
  assert.ok(descriptors <= 0, `${descriptors} descriptors more`);
  // 1 KB a connection would be twice as much.
  assert.ok(bytes < 1e6, `${bytes} bytes more`);
});

test('closing twice, using after, and destroying inside every callback does no harm', async (t) => {
  const server = net.createServer((socket) => {
    const messages = net.messages(socket);
    messages.handle((value) => value).on('message', (value) => messages.send(value));
  });
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  for (const place of ['message', 'drain', 'end', 'close', 'request', 'iterator', 'at once']) {
    const messages = net.messages(net.connect(server.address().port, '127.0.0.1'), { highWaterMark: 1 });
    const closed = new Promise((resolve) => messages.once('close', resolve));
    const destroy = () => messages.destroy().destroy().end().pause().resume();
    if (place !== 'at once') messages.on(place, destroy);
    messages.send('echo');
    if (place === 'at once') destroy();
    else if (place === 'request') messages.request(1).then(destroy, destroy);
    else if (place === 'end' || place === 'close') messages.close();
    else if (place === 'iterator') for await (const _ of messages) destroy();
    await closed;
    assert.throws(() => messages.send(1), { code: 'ERR_MESSAGES_CLOSED' });
    await assert.rejects(messages.request(1), { code: 'ERR_MESSAGES_CLOSED' });
    await messages.close();
    assert.deepEqual(await messages[Symbol.asyncIterator]().next(), { value: undefined, done: true });
  }
});

test('dropped connections are collected, and their descriptors closed', async () => {
  const { stdout } = await run(
    `
    const fs = require('node:fs');
    let left = 30;
    const registry = new FinalizationRegistry(() => left--);
    const server = net.createServer((socket) => socket.on('error', () => {}).resume()).listen(0, async () => {
      const count = () => fs.readdirSync('/proc/self/fd').length;
      const connect = () => new Promise((resolve) => {
        const socket = net.connect(server.address().port, () => {
          const messages = net.messages(socket).pause();
          registry.register(messages);
          messages.send('dropped');
          // Paused at once: what is not read is not held.
          setImmediate(resolve);
        });
      });
      const before = count();
      for (let index = 0; index < 30; index++) await connect();
      // The collector may take a stale word of the stack for one, of either side: never more than a few. Were they kept,
      // this would not end.
      while (left > 5 || count() > before + 10) {
        gc();
        await new Promise((resolve) => setImmediate(resolve));
      }
      console.log('collected');
      process.exit();
    });`,
    '--expose-gc',
  );
  assert.equal(stdout, 'collected\n');
});

test('a worker terminated amid messages leaves no descriptor behind', async (t) => {
  const server = net.createServer((socket) => {
    const messages = net.messages(socket, { codec: 'raw' });
    messages.on('message', (value) => messages.send(value)).on('error', () => {});
  });
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { Worker } = require('node:worker_threads');
  const script = `
    const net = require(${modulePath});
    const { parentPort } = require('node:worker_threads');
    const messages = net.messages(net.connect(${server.address().port}, '127.0.0.1'), { codec: 'raw' });
    messages.on('message', (value) => messages.send(value));
    for (let count = 0; count < 1000; count++) messages.send(Buffer.alloc(1000));
    messages.once('message', () => parentPort.postMessage('busy'));`;
  const terminate = async () => {
    const worker = new Worker(script, { eval: true });
    t.after(() => worker.terminate());
    await once(worker, 'message');
    await worker.terminate();
    while (server._connections > 0) await new Promise((resolve) => setImmediate(resolve));
  };
  await terminate();
  const before = countDescriptors();
  for (let round = 0; round < 3; round++) await terminate();
  assert.ok(countDescriptors() <= before + 1, `${countDescriptors()} descriptors, ${before} before`);
});
