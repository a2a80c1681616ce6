'use strict';

// What sockets and servers leave behind whose `_handle` somebody has read.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { Worker } = require('node:worker_threads');

const net = require('../../lib/net');

const modulePath = JSON.stringify(path.join(__dirname, '../../lib/net'));
const run = (script, ...flags) =>
  promisify(execFile)(process.execPath, [...flags, '-e', `const net = require(${modulePath});${script}`]);

test('4,800 adopted connections leave no descriptor and no memory behind', async () => {
  const { stdout } = await run(
    `
    const fs = require('fs');
    const { once } = require('events');
    const measure = () => {
      gc();
      const { heapUsed, external } = process.memoryUsage();
      return { descriptors: fs.readdirSync('/proc/self/fd').length, heap: heapUsed + external };
    };
    const read = (socket) => void socket._handle;
    const server = net.createServer((socket) => { read(socket); socket.end('bye'); }).listen(0, '127.0.0.1', async () => {
      const { port } = server.address();
      const drained = async () => { while (server._connections > 0) await new Promise(setImmediate); };
      const visit = (early) => {
        const socket = net.connect(port, '127.0.0.1').resume();
        if (early) read(socket);
        else socket.on('connect', () => read(socket));
        return once(socket, 'close');
      };
      const measured = [];
      for (let round = 0; round < 6; round++) {
        for (let done = 0; done < 800; done += 50)
          await Promise.all(Array.from({ length: 50 }, (_, index) => visit(index % 2 === 0)));
        await drained();
        measured.push(measure());
      }
      console.log(JSON.stringify(measured));
      process.exit();
    });`,
    '--expose-gc',
  );
  const measured = JSON.parse(stdout);
  // The heap grows by leaps at first; what leaks grows in every round.
  const growth = (name) =>
    Math.min(...measured.slice(1).map((round, index) => round[name] - measured[index][name]));
  assert.ok(growth('descriptors') <= 0, stdout);
  assert.ok(growth('heap') < 4e5, stdout);
});

test('a connection that fails or is given up leaves nothing of the handle that was read', async () => {
  const descriptors = () => fs.readdirSync('/proc/self/fd').length;
  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address();
  const visit = async (port, isGivenUp) => {
    const socket = net.connect(port, '127.0.0.1').on('error', () => {});
    void socket._handle;
    if (isGivenUp) process.nextTick(() => socket.destroy());
    await new Promise((resolve) => socket.on('close', resolve));
  };
  await visit(port, true);
  const before = descriptors();
  for (let round = 0; round < 20; round++) await visit(port, true);
  taken.close();
  await once(taken, 'close');
  for (let round = 0; round < 20; round++) await visit(port, false);
  assert.ok(descriptors() <= before, `${descriptors()} descriptors, ${before} before`);
});

test('_handle read in every callback, of sockets that close in it', async () => {
  const { stdout } = await run(`
    const EVENTS = ['connect', 'ready', 'data', 'readable', 'end', 'finish', 'drain', 'close'];
    const server = net.createServer((socket) => {
      void server._handle;
      socket.on('error', () => {}).resume();
      socket.write('x');
      socket.end(Buffer.alloc(1e6));
    });
    server.listen(0, '127.0.0.1', async () => {
      for (const event of EVENTS) {
        for (const isDestroyedFirst of [true, false]) {
          const socket = net.connect(server.address().port, '127.0.0.1');
          socket.on('error', () => {});
          socket.on(event, () => {
            if (isDestroyedFirst) socket.destroy();
            const handle = socket._handle;
            socket.destroy();
            handle?.close();
            void socket._handle;
          });
          if (event !== 'data' && event !== 'readable') socket.resume();
          const closed = new Promise((resolve) => socket.on('close', resolve));
          if (event === 'drain') socket.write(Buffer.alloc(8e6));
          socket.end('y');
          await closed;
        }
      }
      console.log('done');
      server.close();
    });`);
  assert.equal(stdout, 'done\n');
});

test('a worker terminated with adopted sockets leaves no descriptor behind', async (t) => {
  const server = net
    .createServer((socket) => socket.on('error', () => {}).pipe(socket))
    .listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const count = () => fs.readdirSync('/proc/self/fd').length;
  const script = `
    const net = require(${modulePath});
    const { parentPort } = require('node:worker_threads');
    const socket = net.connect(${server.address().port}, '127.0.0.1', () => {
      const listener = net.createServer().listen(0, () => {
        void [socket._handle, listener._handle];
        const push = () => { while (socket.write(Buffer.alloc(65536))); socket.once('drain', push); };
        push();
        socket.once('data', () => parentPort.postMessage('busy'));
      });
    });`;
  const visit = async () => {
    const worker = new Worker(script, { eval: true });
    await once(worker, 'message');
    await worker.terminate();
    while (server._connections > 0) await new Promise((resolve) => setImmediate(resolve));
  };
  await visit();
  const before = count();
  for (let round = 0; round < 3; round++) await visit();
  assert.ok(count() <= before, `${count()} descriptors, ${before} before`);
});

test('the process ends with adopted sockets that are unreferenced, and stays for others', async () => {
  const server = net.createServer((socket) => socket.write('x')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const { stdout } = await run(`
    const socket = net.connect(${port}, '127.0.0.1');
    void socket._handle;
    socket.unref();
    const other = net.connect(${port}, '127.0.0.1', () => {
      void other._handle;
      other.once('data', () => { console.log('data'); other.unref(); });
    });
    process.on('exit', () => console.log('ends'));`);
  assert.equal(stdout, 'data\nends\n');
  server.close();
});
