'use strict';

// How connections end with their process, their worker, and in numbers.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { Worker } = require('node:worker_threads');

const amqplib = require('../../lib/amqplib');
const { createBroker } = require('../../lib/broker');
const { withPeer } = require('../support/scripted-peer');

const AMQPLIB = JSON.stringify(path.join(__dirname, '../../lib/amqplib'));

let broker;

before(async () => {
  broker = await createBroker({ port: 0 });
});

after(() => broker.close());

async function runScript(script, url = broker.url) {
  const program = `const connecting = require(${AMQPLIB}).connect('${url}'); ${script}`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  const [code, signal] = await once(child, 'close');
  return { code, signal, output };
}

test('a process ends when its connection is closed, or at its wish', async () => {
  const ended = { code: 0, signal: null, output: '' };
  assert.deepEqual(await runScript('connecting.then((c) => c.close())'), ended);
  assert.deepEqual(await runScript('connecting.then(() => process.exit(7))'), { ...ended, code: 7 });
  assert.deepEqual(
    await runScript(`connecting.then(async (c) => {
      const channel = await c.createChannel();
      const { queue } = await channel.assertQueue('', { exclusive: true });
      await channel.consume(queue, () => process.exit(8), { noAck: true });
      channel.sendToQueue(queue, Buffer.alloc(1000));
    })`),
    { ...ended, code: 8 },
  );
});

test('an open connection keeps the process alive until the peer ends it', async () => {
  await withPeer(async (url, accept) => {
    const running = runScript(
      `connecting.then((c) => c.on('error', (e) => console.log(e.message)).on('close', () => console.log('close')))`,
      url,
    );
    const peer = await accept();
    await peer.opened;
    peer.socket.end();
    assert.deepEqual(await running, { code: 0, signal: null, output: 'Unexpected close\nclose\n' });
  });
});

test('what is published before a close has arrived', async () => {
  const result = await runScript(`connecting.then(async (c) => {
    const channel = await c.createChannel();
    await channel.assertQueue('lifecycle.published', { autoDelete: false, durable: false });
    for (let i = 0; i < 20000; i++) channel.sendToQueue('lifecycle.published', Buffer.alloc(500));
    await c.close();
  })`);
  assert.equal(result.code, 0);
  const connection = await amqplib.connect(broker.url);
  const channel = await connection.createChannel();
  assert.equal((await channel.deleteQueue('lifecycle.published')).messageCount, 20000);
  await connection.close();
});

test('a worker that is terminated in the middle of consuming takes its connection along', async () => {
  await withPeer(async (url, accept) => {
    const worker = new Worker(
      `require(${AMQPLIB}).connect('${url}').then(() => require('node:worker_threads').parentPort.postMessage(0))`,
      { eval: true },
    );
    const peer = await accept();
    await once(worker, 'message');
    const closed = once(peer.socket, 'close');
    await worker.terminate();
    await closed;
  });
  // Again with messages on their way.
  const worker = new Worker(
    `require(${AMQPLIB}).connect('${broker.url}').then(async (c) => {
      const channel = await c.createChannel();
      const { queue } = await channel.assertQueue('', { exclusive: true });
      let count = 0;
      await channel.consume(queue, () => {
        if (++count === 1000) require('node:worker_threads').parentPort.postMessage(0);
        channel.sendToQueue(queue, Buffer.alloc(100));
      }, { noAck: true });
      for (let i = 0; i < 100; i++) channel.sendToQueue(queue, Buffer.alloc(100));
    })`,
    { eval: true },
  );
  await once(worker, 'message');
  await worker.terminate();
});

test('two workers and the main thread use connections at the same time', async () => {
  const script = `require(${AMQPLIB}).connect('${broker.url}').then(async (c) => {
    const channel = await c.createConfirmChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    for (let i = 0; i < 1000; i++) channel.sendToQueue(queue, Buffer.alloc(100));
    await channel.waitForConfirms();
    require('node:worker_threads').parentPort.postMessage((await channel.checkQueue(queue)).messageCount);
    await c.close();
  })`;
  const workers = [new Worker(script, { eval: true }), new Worker(script, { eval: true })];
  const counts = Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
  const exits = workers.map((worker) => once(worker, 'exit'));
  const connection = await amqplib.connect(broker.url);
  await connection.close();
  assert.deepEqual(await counts, [1000, 1000]);
  await Promise.all(exits);
});

test('a closed connection is collected, also one that an AsyncLocalStorage leads to', async () => {
  const program = `
    const { AsyncLocalStorage } = require('node:async_hooks');
    const amqplib = require(${AMQPLIB});
    const storage = new AsyncLocalStorage();
    const collect = () => new Promise((resolve) => setImmediate(() => resolve(gc())));
    (async () => {
      let left = 20;
      const registry = new FinalizationRegistry(() => left--);
      for (let round = 0; round < 20; round++) {
        await storage.run({}, async () => {
          const connection = await amqplib.connect('${broker.url}');
          storage.getStore().connection = connection;
          registry.register(connection);
          const closed = new Promise((resolve) => connection.connection.stream.once('close', resolve));
          await connection.close();
          await closed;
        });
      }
      // The collector may take a stale word of the stack for one: never more than a few. Were they kept, this would not
      // end.
      while (left > 5) await collect();
    })();
  `;
  const child = spawn(process.execPath, ['--expose-gc', '-e', program], { stdio: 'inherit' });
  assert.deepEqual(await once(child, 'close'), [0, null]);
});

const countOf = (folder) => fs.readdirSync(folder).length;

test('1,000 connections opened and closed leave no descriptor and no thread behind', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, async () => {
  await withPeer(async (url) => {
    const cycle = async () => {
      const connection = await amqplib.connect(url);
      await connection.createChannel();
      const closed = once(connection, 'close');
      await connection.close();
      await closed;
    };
    const settled = () => new Promise((resolve) => setImmediate(resolve));
    for (let warm = 0; warm < 10; warm++) await cycle();
    const open = () => [countOf('/proc/self/fd'), countOf('/proc/self/task')];
    const [descriptors, threads] = open();
    for (let round = 0; round < 1000; round++) await cycle();
    // The last sockets go when both sides have seen the end; those of the warm-up may be in the count before. Were one
    // left behind per connection, this would not end and the file's limit would say so.
    while (open()[0] > descriptors) await settled();
    assert.equal(open()[1], threads);
  });
});
