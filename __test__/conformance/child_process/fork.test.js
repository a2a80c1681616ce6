'use strict';

const { AsyncLocalStorage } = require('node:async_hooks');
const nodes = require('node:child_process');
const dgram = require('node:dgram');
const { once } = require('node:events');
const net = require('node:net');
const { pathToFileURL } = require('node:url');

const ourNet = require('../../../lib/net');
const { compare, compareCall, logEvents, scriptOf } = require('./compare');

const programs = require.resolve('./child-programs');

const VALUES = [
  'text',
  '',
  0,
  -1.5,
  true,
  null,
  [],
  [1, [2]],
  {},
  { nested: { ü: '💡\n"' }, none: undefined },
  'x'.repeat(300_000),
  { toJSON: () => 'from toJSON' },
];
const ADVANCED = [
  ...VALUES.slice(0, -1),
  [1n],
  NaN,
  new Date(0),
  /x/g,
  new Map([[1, new Set([2])]]),
  Buffer.from('bytes'),
  new Uint16Array([1, 2]),
  new DataView(new ArrayBuffer(4)),
  new Error('failure').message,
  [undefined],
];

compare('a forked child and its channel', async ({ fork }, log) => {
  const child = fork(programs, ['report', 'a b'], { execArgv: [] });
  log(
    child.connected,
    typeof child.channel,
    typeof child.channel.fd,
    child.stdin,
    child.stdout,
    child.stdio.length,
  );
  child.on('message', (message) => log('message', message));
  await logEvents(child, log);
  log(child.connected, child.channel);
});

for (const serialization of ['json', 'advanced']) {
  const values = serialization === 'json' ? VALUES : ADVANCED;
  compare(`values come back as they do in node: ${serialization}`, async ({ fork }, log) => {
    const child = fork(programs, ['echo'], { serialization });
    for (const value of values) {
      child.send(value);
      const [message] = await once(child, 'message');
      log(message, Object.prototype.toString.call(message));
    }
    child.disconnect();
    await once(child, 'exit');
  });

  compare(`messages come in order and whole: ${serialization}`, async ({ fork }, log) => {
    const child = fork(programs, ['flood'], { serialization });
    let next = 0;
    child.on('message', ({ index, text }) => {
      if (index === next && text.length === index % 50) next++;
    });
    await logEvents(child, log, ['exit', 'close', 'disconnect']);
    log(next);
  });

  compare(`messages in one turn both ways: ${serialization}`, async ({ fork }, log) => {
    const child = fork(programs, ['echo'], { serialization });
    for (let index = 0; index < 500; index++) child.send({ index });
    const got = [];
    await new Promise((resolve) => {
      child.on('message', ({ index }) => got.push(index) === 500 && resolve());
    });
    log(got.every((index, position) => index === position));
    child.disconnect();
    await once(child, 'exit');
  });
}

compare('messages wait for the first listener', async ({ fork }, log) => {
  const child = fork(programs, ['send-and-tell'], { silent: true });
  await once(child.stdout, 'data');
  // Both are in the channel; somebody may read it now.
  await new Promise(setImmediate);
  const both = new Promise((resolve) => {
    child.on('message', (message) => {
      log('late', message);
      if (message === 'second') resolve();
    });
  });
  log('listens');
  await both;
  child.disconnect();
  await once(child, 'exit');
});

compare('what send refuses', async ({ fork }, log) => {
  const child = fork(programs, ['echo']);
  const attempts = [
    [],
    [undefined],
    [() => {}],
    [1n],
    [Symbol('s')],
    ['m', {}],
    ['m', 'handle'],
    ['m', undefined, 1],
    ['m', undefined, 'options'],
    ['m', undefined, null],
  ];
  for (const attempt of attempts) {
    try {
      log(child.send(...attempt));
    } catch (error) {
      log(error);
    }
  }
  child.disconnect();
  await once(child, 'exit');
});

compare('the callback of send', async ({ fork }, log) => {
  const child = fork(programs, ['echo']);
  await new Promise((resolve) => child.send('a', (...facts) => resolve(log(facts))));
  await new Promise((resolve) => child.send('a', undefined, (...facts) => resolve(log(facts))));
  await new Promise((resolve) => child.send('a', undefined, {}, (...facts) => resolve(log(facts))));
  child.disconnect();
  await new Promise((resolve) => child.send('a', (...facts) => resolve(log(facts))));
  log(child.send('a', () => {}));
  child.once('error', (error) => log('emitted', error));
  child.send('a');
  await once(child, 'exit');
});

compare('send says no when much is waiting', async ({ fork }, log) => {
  const child = fork(programs, ['sleep']);
  await once(child, 'spawn');
  log(child.send('x'), child.send('x'.repeat(1_000_000)), child.send('x'));
  child.kill();
  await logEvents(child, log, ['exit', 'disconnect', 'close', 'error']);
});

compare('disconnect from here', async ({ fork }, log) => {
  const child = fork(programs, ['echo']);
  child.on('disconnect', () => log('disconnect', child.connected));
  child.disconnect();
  log(child.connected, child.channel);
  child.once('error', (error) => log('error', error));
  child.disconnect();
  log(await once(child, 'exit'));
});

compare('spawn comes before a disconnect that was asked for at once', async ({ fork }, log) => {
  const child = fork(programs, ['echo'], { execArgv: [] });
  for (const event of ['spawn', 'disconnect', 'exit']) child.on(event, () => log(event));
  child.disconnect();
  log(child.connected);
  await once(child, 'exit');
});

compare('the callback of a send comes in the context of that send', async ({ fork }, log) => {
  const child = fork(programs, ['echo'], { execArgv: [] });
  const storage = new AsyncLocalStorage();
  // Taken at once by the kernel, and not.
  for (const message of ['short', 'x'.repeat(2_000_000)]) {
    await new Promise((resolve) =>
      storage.run(message.length, () =>
        child.send(message, (error) => {
          log(error, storage.getStore());
          resolve();
        }),
      ),
    );
  }
  child.kill();
  await once(child, 'exit');
});

compare('disconnect from there', async ({ fork }, log) => {
  const child = fork(programs, ['disconnect']);
  child.send('go');
  await logEvents(child, log);
});

compare('a child that exits at once', async ({ fork }, log) => {
  const child = fork(programs, ['exit']);
  await logEvents(child, log);
  log(child.connected, child.channel);
});

compare('internal messages have an event of their own', async ({ fork }, log) => {
  const child = fork(programs, ['internal']);
  child.on('message', (message) => log('message', message));
  child.on('internalMessage', (message) => log('internal', message));
  await once(child, 'exit');
});

const stdios = [
  undefined,
  'pipe',
  'ignore',
  ['pipe', 'pipe', 'ignore', 'ipc'],
  ['ignore', 'ipc'],
  ['pipe', 'pipe', 'pipe', 'pipe', 'ipc'],
];
for (const stdio of stdios.slice(1)) {
  compare(`fork with stdio ${JSON.stringify(stdio)}`, async ({ fork }, log) => {
    const child = fork(programs, ['report'], { stdio, execArgv: [] });
    child.on('message', (message) => log(message));
    log(child.stdio.map((stream) => stream && [stream.readable, stream.writable]));
    await once(child, 'exit');
  });
}

compare('fork options: silent, cwd, env, execPath, shell, URL', async ({ fork }, log) => {
  const options = {
    silent: true,
    cwd: '/usr',
    env: { ...process.env, A: '1' },
    execPath: process.execPath,
    shell: true,
    execArgv: [],
  };
  const child = fork(pathToFileURL(programs), ['report'], options);
  child.on('message', (message) => log(message));
  log(child.stdout !== null, child.stderr !== null);
  await once(child, 'exit');
});

compare('fork with a signal, a timeout, and killSignal', async ({ fork }, log) => {
  const controller = new AbortController();
  const aborted = fork(programs, ['sleep'], { signal: controller.signal, killSignal: 'SIGKILL' });
  aborted.on('spawn', () => controller.abort());
  await logEvents(aborted, log, ['exit', 'error', 'disconnect', 'close']);
  await logEvents(fork(programs, ['sleep'], { timeout: 10 }), log, ['exit', 'close']);
});

compare('the channel can be unreferenced', ({ fork }, log) => {
  const child = fork(programs, ['sleep']);
  log(child.channel.unref(), child.channel.ref(), child.channel.refCounted(), child.channel.unrefCounted());
  child.kill();
});

compareCall(
  'an unreferenced child and channel let the process end',
  scriptOf(`
  const child = cp.fork(${JSON.stringify(programs)}, ['disconnect'], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  child.unref(); child.channel.unref(); child.on('exit', () => console.log('waited'));`),
);

compareCall(
  'a listener that throws does not stop the next message',
  scriptOf(`
  process.on('uncaughtException', (error) => console.log('uncaught', error.message));
  const child = cp.fork(${JSON.stringify(programs)}, ['echo']);
  let count = 0;
  child.on('message', (message) => { if (++count === 3) child.disconnect(); throw new Error(message); });
  for (const text of ['a', 'b', 'c']) child.send(text);`),
);

compareCall(
  '-e is not passed on to a forked child',
  scriptOf(`
  if (process.argv[2] !== 'again') {
    const child = cp.fork(${JSON.stringify(programs)}, ['report']);
    child.on('message', ({ execArgv }) => console.log(execArgv));
  }`),
);

const sockets = [
  ['node:net', net],
  ['oxipc/net', ourNet],
];
for (const [name, library] of sockets) {
  // Node's module knows its own sockets only.
  const netFor = ({ spawn }) => (spawn === nodes.spawn ? net : library);

  for (const keepOpen of [false, true]) {
    compare(`a socket of ${name} goes to the child, keepOpen ${keepOpen}`, async (module, log) => {
      const { createServer, connect } = netFor(module);
      const child = module.fork(programs, ['socket']);
      const server = createServer({ pauseOnConnect: true });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const client = connect(server.address().port, '127.0.0.1');
      const [socket] = await once(server, 'connection');
      await new Promise((resolve) =>
        child.send('hello', socket, { keepOpen }, (error) => resolve(log('sent', error))),
      );
      log(
        socket._handle === null,
        await new Promise((resolve) => server.getConnections((...facts) => resolve(facts))),
      );
      let text = '';
      for await (const chunk of client) text += chunk;
      log(text);
      if (keepOpen) socket.destroy();
      child.disconnect();
      await once(child, 'exit');
      server.close();
    });
  }

  compare(`a server of ${name} goes to the child`, async (module, log) => {
    const { createServer, connect } = netFor(module);
    const child = module.fork(programs, ['server']);
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    child.send('server', server);
    log(await once(child, 'message'));
    server.close();
    await once(server, 'close');
    let text = '';
    for await (const chunk of connect(port, '127.0.0.1')) text += chunk;
    log(text);
    child.kill();
    await once(child, 'exit');
  });
}

compare('a dgram socket goes to the child', async ({ fork }, log) => {
  const child = fork(programs, ['dgram']);
  const socket = dgram.createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  child.send('socket', socket);
  log(await once(child, 'message'));
  socket.close();
  const client = dgram.createSocket('udp4');
  client.send('datagram', port, '127.0.0.1');
  const [answer] = await once(client, 'message');
  log(String(answer));
  client.close();
  child.kill();
  await once(child, 'exit');
});

compare('a native dgram handle goes to the child', async ({ fork }, log) => {
  const child = fork(programs, ['native-dgram']);
  const socket = dgram.createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  const state = Object.getOwnPropertySymbols(socket).find(
    ({ description }) => description === 'state symbol',
  );
  log(child.send('handle', socket[state].handle));
  const [answer] = await once(child, 'message');
  log(answer.class, answer.port === port);
  socket.close();
  child.disconnect();
  await once(child, 'exit');
});

compare('a native dgram handle comes from the child', async ({ fork }, log) => {
  const child = fork(programs, ['give-native-dgram']);
  const [{ port }, handle] = await once(child, 'message');
  const address = {};
  log(handle.constructor.name, handle.getsockname(address), address.port === port);
  handle.close();
  child.send('end');
  await once(child, 'exit');
});

const boundSockets = {
  skip: Number.parseInt(process.versions.node, 10) < 26 && 'node sends a net.BoundSocket from 26 on',
};

for (const [name, library] of sockets) {
  compare(
    `a BoundSocket of ${name} goes to the child`,
    async ({ fork, spawn }, log) => {
      const { BoundSocket } = spawn === nodes.spawn ? net : library;
      const child = fork(programs, ['bound']);
      const bound = new BoundSocket({ host: '127.0.0.1' });
      const { port } = bound.address();
      log(child.send('bound', bound));
      try {
        bound.address();
      } catch (error) {
        log(error);
      }
      const [address] = await once(child, 'message');
      log(address.port === port, address.family);
      let text = '';
      for await (const chunk of net.connect(port, '127.0.0.1')) text += chunk;
      log(text);
      child.kill();
      await once(child, 'exit');
    },
    boundSockets,
  );
}

compare(
  'a BoundSocket comes from the child, and a server listens on it',
  async ({ fork, spawn }, log) => {
    const child = fork(programs, ['give-bound']);
    const [address, bound] = await once(child, 'message');
    log(bound.constructor.name, bound.address().port === address.port, bound.isPipe);
    child.send('end');
    await once(child, 'exit');
    const server = (spawn === nodes.spawn ? net : ourNet).createServer((socket) => socket.end('here'));
    await new Promise((resolve) => server.listen(bound, resolve));
    log(server.address().port === address.port);
    let text = '';
    for await (const chunk of net.connect(address.port, '127.0.0.1')) text += chunk;
    log(text);
    server.close();
  },
  boundSockets,
);

compare(
  'a BoundSocket with a path cannot be sent, and stays',
  async ({ fork }, log) => {
    const path = `${require('node:os').tmpdir()}/oxipc-bound-${process.pid}`;
    const child = fork(programs, ['bound']);
    const bound = new net.BoundSocket({ path });
    try {
      child.send('bound', bound);
    } catch (error) {
      log(error);
    }
    log(bound.address() === path);
    bound.close();
    require('node:fs').rmSync(path, { force: true });
    child.disconnect();
    await once(child, 'exit');
  },
  boundSockets,
);

compare('a socket comes from the child', async ({ fork }, log) => {
  const child = fork(programs, ['give-socket']);
  const [{ port }] = await once(child, 'message');
  const client = net.connect(port, '127.0.0.1');
  const [message, socket] = await once(child, 'message');
  log(message, socket.remoteAddress, socket.readable, socket.writable);
  socket.end('from the parent');
  let text = '';
  for await (const chunk of client) text += chunk;
  log(text);
  child.send('end');
  await logEvents(child, log, ['exit']);
});

compare('a server comes from the child', async ({ fork }, log) => {
  const child = fork(programs, ['give-server']);
  const [{ port }, server] = await once(child, 'message');
  log(server.listening, server.address().port === port);
  child.send('end');
  await once(child, 'exit');
  server.on('connection', (socket) => socket.end('from the parent'));
  let text = '';
  for await (const chunk of net.connect(port, '127.0.0.1')) text += chunk;
  log(text);
  server.close();
});

compareCall(
  'messages behind a socket wait for its acknowledgement, and disconnect too',
  scriptOf(`
  const net = require('net');
  const child = cp.fork(${JSON.stringify(programs)}, ['listen']);
  const server = net.createServer((socket) => {
    console.log(child.send('first', socket), child.send('second'), child.send('third'));
    child.disconnect();
    console.log(child.connected);
    server.close();
  }).listen(0, '127.0.0.1', () => net.connect(server.address().port, '127.0.0.1').resume());
  child.on('disconnect', () => console.log('disconnect'));
  child.on('exit', (...a) => console.log(a));`),
);

compareCall(
  'cluster works with fork replaced',
  scriptOf(`
  require('node:child_process').fork = cp.fork;
  const cluster = require('cluster');
  const http = require('http');
  cluster.setupPrimary({ exec: ${JSON.stringify(require.resolve('./cluster-worker'))}, execArgv: [] });
  for (let i = 0; i < 2; i++) cluster.fork();
  let listening = 0;
  cluster.on('listening', async (worker, { port }) => {
    if (++listening < 2) return;
    const workers = new Set();
    for (let i = 0; i < 8; i++) {
      await new Promise((resolve) => http.get({ port, agent: false }, (response) => {
        response.on('data', (chunk) => workers.add(String(chunk))).on('end', resolve);
      }));
    }
    console.log(workers.size);
    for (const id in cluster.workers) cluster.workers[id].disconnect();
  });
  cluster.on('exit', (worker, code) => console.log('exit', code));`),
);
