'use strict';

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { Worker } = require('node:worker_threads');

const { kHandle } = require('../../lib/net/symbols');
const net = require('../../lib/net');

const modulePath = JSON.stringify(path.join(__dirname, '../../lib/net'));
const run = (script, ...flags) =>
  promisify(execFile)(process.execPath, [...flags, '-e', `const net = require(${modulePath});${script}`]);

const countDescriptors = () => fs.readdirSync('/proc/self/fd').length;

async function listen(onConnection) {
  const server = net.createServer(onConnection).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

test('the process ends when all that is left is unreferenced or idle', async () => {
  const { stdout } = await run(`
    const server = net.createServer((socket) => socket.unref());
    server.listen(0, () => {
      const client = net.connect(server.address().port, () => { client.unref(); server.unref(); console.log('up'); });
    });`);
  assert.equal(stdout, 'up\n');
});

test("a socket that has been read to its end keeps nothing alive, though its stream's end waits", async () => {
  const { stdout } = await run(`
    const server = net.createServer((socket) => socket.end(() => socket.destroy()));
    server.listen(0, () => {
      const onread = { buffer: Buffer.alloc(1), callback: () => true };
      const client = net.connect({ port: server.address().port, allowHalfOpen: true, onread });
      // Its own bytes, which nobody reads.
      client.on('connect', () => client.push('x'));
      client.on('end', () => console.log('end'));
      client.on('readable', () => client.readableLength === 1 && server.close());
      process.on('exit', () => console.log('left', client.readableLength));
    });`);
  assert.equal(stdout, 'left 1\n');
});

test('a write that is under way is finished before the process ends, also of an unreferenced socket', async () => {
  const length = 16 * 1024 * 1024;
  let received = 0;
  const server = await listen((socket) => {
    socket.on('data', (chunk) => (received += chunk.length));
    socket.pause();
    setImmediate(() => setImmediate(() => socket.resume()));
  });
  const done = new Promise((resolve) => server.once('connection', (socket) => socket.once('close', resolve)));
  await run(`
    const client = net.connect(${server.address().port}, '127.0.0.1', () => {
      client.unref();
      client.write(Buffer.alloc(${length}));
    });`);
  await done;
  server.close();
  assert.equal(received, length);
});

test('a reading socket and a listening server keep the process alive until they end', async () => {
  const { stdout } = await run(`
    const server = net.createServer((socket) => setTimeout(() => socket.end('late'), 50));
    server.listen(0, () => net.connect(server.address().port).on('data', (chunk) => console.log(String(chunk))).on('close', () => server.close()));`);
  assert.equal(stdout, 'late\n');
});

test('process.exit() with everything open sends what was written before it', async () => {
  const received = [];
  const server = await listen((socket) => socket.on('data', (chunk) => received.push(chunk)));
  const done = new Promise((resolve) => server.once('connection', (socket) => socket.once('close', resolve)));
  await run(`
    net.createServer().listen(0);
    const client = net.connect(${server.address().port}, '127.0.0.1', () => {
      for (let index = 0; index < 1000; index++) client.write(String(index).padStart(4, '0'));
      process.exit(0);
    });`);
  await done;
  const expected = Array.from({ length: 1000 }, (_, index) => String(index).padStart(4, '0')).join('');
  assert.equal(Buffer.concat(received).toString(), expected);
  server.close();
});

test('a worker terminated during I/O leaves no descriptor behind', async () => {
  const server = await listen((socket) => socket.pipe(socket).on('error', () => {}));
  const terminate = async () => {
    const worker = new Worker(
      `const net = require(${modulePath});
       const { parentPort } = require('worker_threads');
       net.createServer().listen(0);
       const client = net.connect(${server.address().port}, '127.0.0.1', () => {
         client.on('data', () => client.write(Buffer.alloc(65536)));
         client.write(Buffer.alloc(1 << 20));
         client.once('data', () => parentPort.postMessage('busy'));
       });`,
      { eval: true },
    );
    await once(worker, 'message');
    await worker.terminate();
  };
  await terminate();
  await drained(server);
  const before = countDescriptors();
  for (let round = 0; round < 5; round++) await terminate();
  await drained(server);
  assert.ok(countDescriptors() <= before + 1, `${countDescriptors()} descriptors, ${before} before`);
  server.close();
});

// Resolves when the server has no connection left.
async function drained(server) {
  while (server._connections > 0) await new Promise((resolve) => setImmediate(resolve));
}

test('the addon serves two copies of the module in one process', async () => {
  const { stdout } = await run(`
    for (const key of Object.keys(require.cache)) if (!key.endsWith('.node')) delete require.cache[key];
    const other = require(${modulePath});
    const server = net.createServer((socket) => socket.end('both')).listen(0, () => {
      other.connect(server.address().port).on('data', (chunk) => console.log(other !== net, String(chunk))).on('close', () => server.close());
    });`);
  assert.equal(stdout, 'true both\n');
});

test('an open socket stays when nobody has it, as in Node: its peer would lose the connection', async () => {
  const { stdout } = await run(
    `
    const fs = require('fs');
    const server = net.createServer({ pauseOnConnect: true }).listen(0, async () => {
      const count = () => fs.readdirSync('/proc/self/fd').length;
      const connect = () => new Promise((resolve) => {
        const client = net.connect({ port: server.address().port, onread: { buffer: Buffer.alloc(1), callback: () => true } }, () => resolve(void client.pause()));
      });
      const before = count();
      for (let index = 0; index < 50; index++) await connect();
      for (let round = 0; round < 5; round++) { gc(); await new Promise((r) => setImmediate(r)); }
      console.log(count() - before);
      process.exit();
    });`,
    '--expose-gc',
  );
  assert.equal(stdout, '100\n');
});

test('10,000 connections leave no descriptor and no memory behind', async () => {
  const { stdout } = await run(
    `
    const fs = require('fs');
    const { once } = require('events');
    const measure = () => {
      gc();
      const { rss, heapUsed, external } = process.memoryUsage();
      return { descriptors: fs.readdirSync('/proc/self/fd').length, rss, heap: heapUsed + external };
    };
    const server = net.createServer((socket) => socket.end('bye')).listen(0, '127.0.0.1', async () => {
      const { port } = server.address();
      const drained = async () => { while (server._connections > 0) await new Promise(setImmediate); };
      const measured = [];
      for (let round = 0; round < 6; round++) {
        for (let done = 0; done < 2000; done += 50)
          await Promise.all(Array.from({ length: 50 }, () => once(net.connect(port, '127.0.0.1').resume(), 'close')));
        await drained();
        measured.push(measure());
      }
      console.log(JSON.stringify(measured));
      process.exit();
    });`,
    '--expose-gc',
  );
  const measured = JSON.parse(stdout);
  // The allocator and the heap grow by leaps at first; what leaks grows in every round.
  const growth = (name) =>
    Math.min(...measured.slice(1).map((round, index) => round[name] - measured[index][name]));
  assert.ok(growth('descriptors') <= 0, stdout);
  assert.ok(growth('heap') < 1e6, stdout);
  assert.ok(growth('rss') < 2e6, `1 KB a connection: ${stdout}`);
});

test('a server without descriptors turns clients away and goes on', async () => {
  const { stdout } = await run(`
    const fs = require('fs');
    const server = net.createServer((socket) => socket.end('served')).listen(0, () => {
      const { port } = server.address();
      const client = new net.Socket();
      client.on('error', () => {});
      client.once('connect', () => {
        const taken = [];
        try { for (;;) taken.push(fs.openSync('/dev/null')); } catch {}
        const wait = new Promise((resolve) => client.on('close', resolve));
        client.resume();
        wait.then(() => {
          for (const fd of taken) fs.closeSync(fd);
          net.connect(port).on('data', (chunk) => console.log(String(chunk))).on('close', () => server.close());
        });
      });
      client.connect(port);
    });`);
  assert.equal(stdout, 'served\n');
});

test('a handle that has closed answers so, while its native half serves another connection', async () => {
  const server = await listen((socket) => socket.pipe(socket));
  const connected = async () => {
    const socket = net.connect(server.address().port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };
  const former = await connected();
  const { [kHandle]: handle } = former;
  const { writer, native } = handle;
  former.destroy();
  await once(former, 'close');

  const next = await connected();
  assert.equal(next[kHandle].native, native);
  next.write('next');
  handle.close();
  handle.unref();
  let ended = false;
  handle.shutdown(() => (ended = true));
  const EBADF = -os.constants.errno.EBADF;
  assert.deepEqual(
    [handle.fd, writer.writeNow('x'), writer.writeNow(Buffer.alloc(100)), ended, handle.setNoDelay(true)],
    [-1, EBADF, EBADF, true, EBADF],
  );
  assert.equal(handle.detach(), -1);
  const [answer] = await once(next, 'data');
  assert.equal(String(answer), 'next');
  next.end();
  await once(next, 'close');
  server.close();
});

for (const target of ['{ port: 0, host: "127.0.0.1" }', 'os.tmpdir() + "/oxipc-numbers-" + process.pid']) {
  test(`a descriptor's number goes from one connection to the next, also by way of others (${target})`, async () => {
    const { stdout } = await run(`
      const os = require('node:os');
      const { once } = require('node:events');
      const server = net.createServer((socket) => socket.on('error', () => {}).pipe(socket));
      const connect = (module = net) => {
        const address = server.address();
        return module.connect(address.port ?? { path: address });
      };
      const talk = async (socket, text) => {
        socket.write(text);
        console.log(String((await once(socket, 'data'))[0]));
      };
      server.listen(${target}, async () => {
        const first = connect();
        await once(first, 'connect');
        const { fd } = first._handle;
        // Closed in its own event, and opened again in the same turn.
        let next;
        first.on('data', () => {
          first.destroy();
          next = connect();
        });
        await talk(first, 'first');
        await once(next, 'connect');
        console.log(next._handle.fd === fd);
        await talk(next, 'next');
        next.unref();
        next.destroy();
        next.destroy();
        // Closed before the connection is reported: whoever comes next is not told of it.
        connect().on('connect', () => console.log('connected')).destroy();
        const nodes = connect(require('node:net'));
        await once(nodes, 'connect');
        console.log(nodes._handle.fd === fd);
        await talk(nodes, 'of node');
        nodes.destroy();
        await once(nodes, 'close');
        // It keeps the process alive, though one before it was unreferenced.
        server.unref();
        const last = connect();
        await once(last, 'connect');
        console.log(last._handle.fd === fd);
        await talk(last, 'last');
        last.destroy();
        server.close();
      });`);
    assert.deepEqual(stdout.split('\n'), ['first', 'true', 'next', 'true', 'of node', 'true', 'last', '']);
  });
}

test('an AsyncLocalStorage store in which net is loaded is not that of accepted sockets', async () => {
  const program = `
    const { AsyncLocalStorage } = require('node:async_hooks');
    const storage = new AsyncLocalStorage();
    const net = storage.run('loading', () => require(${modulePath}));
    const server = net.createServer((socket) => {
      for (const event of ['data', 'end', 'close'])
        socket.on(event, () => console.log(event, storage.getStore()));
      socket.on('close', () => server.close());
    });
    server.listen(0, () => net.connect(server.address().port).resume().end('x'));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program]);
  assert.equal(stdout, 'data undefined\nend undefined\nclose undefined\n');
});

test('nothing that waits for the end of the tick runs while net is loaded', async () => {
  const program = `
    const seen = [];
    process.nextTick(() => seen.push('nextTick'));
    queueMicrotask(() => seen.push('microtask'));
    require(${modulePath});
    console.log(...seen, 'loaded');`;
  for (const start of ['', 'Promise.resolve().then(() => { ', 'setImmediate(() => { ']) {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '-e',
      `${start}${program}${start && '})'}`,
    ]);
    assert.equal(stdout, 'loaded\n');
  }
});
