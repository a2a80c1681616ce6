'use strict';

const { once } = require('node:events');
const { BlockList } = require('node:net');

const { freePort } = require('../../../scripts/rabbitmq-server/free-port');
const { refusingPort } = require('../../support/refusing-port');
const { sameAsNode } = require('./side-by-side');

async function failure(log, label, emitter) {
  const [error] = await once(emitter, 'error');
  log(label, error);
  if (emitter.destroy)
    await new Promise((r) =>
      emitter.closed ? r() : emitter.once('close', (hadError) => r(log('close', hadError))),
    );
}

sameAsNode('connections that fail', {}, async ({ net, log, named, path }) => {
  const refusing = refusingPort();
  const port = named(refusing.port, 'PORT');
  const localPort = named(await freePort(), 'LOCAL');
  // The next address is tried because the one before has failed, never because it is slow.
  const autoSelectFamilyAttemptTimeout = 60_000;
  const fail = async (label, ...args) => {
    const socket = net.connect(...args);
    const events = [];
    for (const event of [
      'lookup',
      'connectionAttempt',
      'connectionAttemptFailed',
      'connectionAttemptTimeout',
    ]) {
      socket.on(event, (...values) =>
        events.push([event, ...values, [...(socket.autoSelectFamilyAttemptedAddresses ?? [])]]),
      );
    }
    await failure(log, label, socket);
    for (const event of events) log(...event);
    log(socket.autoSelectFamilyAttemptedAddresses, socket.destroyed, socket.readyState, socket.connecting);
  };
  await fail('refused', port, '127.0.0.1');
  await fail('refused by name', { port, host: 'localhost', family: 4 });
  await fail('refused, local port', { port, host: '127.0.0.1', localPort, localAddress: '127.0.0.1' });
  await fail('refused, local port of any address', { port, host: '127.0.0.1', localPort });
  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const takenPort = named(taken.address().port, 'TAKEN');
  const both = (h, o, cb) =>
    cb(null, [
      { address: '127.0.0.1', family: 4 },
      { address: '127.0.0.2', family: 4 },
    ]);
  await fail('used local port', { port, host: '127.0.0.1', localPort: takenPort, localAddress: '127.0.0.1' });
  await fail('used local port, any address', { port, host: '127.0.0.1', localPort: takenPort });
  await fail('used local port, all refused', {
    port,
    host: 'x.test',
    localPort: takenPort,
    autoSelectFamilyAttemptTimeout,
    lookup: both,
  });
  await fail('all refused, local port', {
    port,
    host: 'x.test',
    localPort,
    autoSelectFamilyAttemptTimeout,
    lookup: (h, o, cb) =>
      cb(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ]),
  });
  taken.close();
  await fail('no local port', { port, host: '127.0.0.1', localPort: 70_000 });
  await fail('negative local port', { port, host: '127.0.0.1', localPort: -1 });
  await fail('local address of another family', { port, host: '127.0.0.1', localAddress: '::1' });
  await fail('lookup of another family', {
    port,
    host: 'x.test',
    lookup: (h, o, cb) => cb(null, [{ address: '127.0.0.1', family: 6 }]),
  });
  await fail('local address', { port, host: '127.0.0.1', localAddress: '198.51.100.1' });
  await fail('broadcast', { port, host: '255.255.255.255' });
  await fail('missing path', path('missing'));
  await fail('plain file', __filename);
  await fail('directory', path('.'));
  await fail('all refused', {
    port,
    host: 'x.test',
    autoSelectFamilyAttemptTimeout,
    lookup: (h, o, cb) =>
      cb(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '127.0.0.2', family: 4 },
      ]),
  });
  await fail('refused IPv6 and IPv4', {
    port,
    host: 'x.test',
    autoSelectFamilyAttemptTimeout,
    lookup: (h, o, cb) =>
      cb(null, [
        { address: '::1', family: 6 },
        { address: '127.0.0.2', family: 4 },
      ]),
  });
  for (const useless of [
    { address: 'nonsense', family: 6 },
    { address: '127.0.0.1', family: 5 },
  ]) {
    for (const families of [
      [4, 6],
      [6, 4],
    ]) {
      await fail(`all refused, the first of no use: ${useless.address} ${families}`, {
        port,
        host: 'x.test',
        autoSelectFamilyAttemptTimeout,
        lookup: (h, o, cb) =>
          cb(null, [
            useless,
            ...families.map((family) => ({ address: family === 6 ? '::1' : '127.0.0.2', family })),
          ]),
      });
    }
  }
  await fail('lookup error', {
    port,
    host: 'x.test',
    lookup: (h, o, cb) => cb(Object.assign(new Error('no name'), { code: 'ENOTFOUND' })),
  });
  await fail('lookup error, one', {
    port,
    host: 'x.test',
    family: 4,
    lookup: (h, o, cb) => cb(new Error('no name')),
  });
  await fail('lookup nonsense', {
    port,
    host: 'x.test',
    family: 4,
    lookup: (h, o, cb) => cb(null, 'nonsense', 4),
  });
  await fail('lookup nonsense of all', {
    port,
    host: 'x.test',
    lookup: (h, o, cb) => cb(null, [{ address: 'nonsense', family: 4 }]),
  });
  await fail('lookup family', {
    port,
    host: 'x.test',
    family: 4,
    lookup: (h, o, cb) => cb(null, '127.0.0.1', 100),
  });
  await fail('lookup family of all', {
    port,
    host: 'x.test',
    lookup: (h, o, cb) => cb(null, [{ address: '127.0.0.1', family: 100 }]),
  });
  refusing.close();
});

sameAsNode('a look-up that fails after destroy()', {}, async ({ net, log, watch }) => {
  for (const family of [0, 4]) {
    const client = new net.Socket();
    watch(`family ${family}`, client, ['lookup', 'error', 'close']);
    let answer;
    client.connect({ port: 1, host: 'x.test', family, lookup: (h, o, cb) => (answer = cb) });
    client.destroy();
    answer(new Error('late'));
    await once(client, 'close');
    await new Promise((r) => setImmediate(r));
  }
  log('done');
});

sameAsNode('a path with a NUL', { since: 22 }, async ({ net, log, path }) => {
  const server = net.createServer().listen(path('a\0b'));
  await failure(log, 'listen', server);
  await failure(log, 'connect', net.connect(path('a\0b')));
});

sameAsNode('listeners that fail', {}, async ({ net, log, named, path }) => {
  const fail = async (label, ...args) => {
    const server = net.createServer();
    server.listen(...args);
    await failure(log, label, server);
    log(server.listening, server.address());
  };
  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address();
  named(port, 'PORT');
  await fail('used port', port, '127.0.0.1');
  await fail('used port, options', { port, host: '127.0.0.1', exclusive: true });
  await fail('foreign address', 0, '198.51.100.1');
  await fail('foreign IPv6 address', 0, '2001:db8::1');
  const unix = net.createServer().listen(path('used'));
  await once(unix, 'listening');
  await fail('used path', path('used'));
  await fail('missing directory', path('missing/socket'));
  await fail('bad descriptor', { fd: 9999 });
  await fail('no descriptor', { fd: 1.5 });
  await fail('no descriptor', { fd: 2 ** 32 + 1 });
  await fail('a file', { fd: require('node:fs').openSync(__filename) });
  taken.close();
  unix.close();
});

sameAsNode('listeners on all addresses that fail', {}, async ({ net, log, named }) => {
  const taken = net.createServer().listen(0);
  await once(taken, 'listening');
  const { port } = taken.address();
  named(port, 'PORT');
  for (const args of [[port], [{ port, exclusive: true }], [{ port, ipv6Only: true }]]) {
    await failure(log, 'used port', net.createServer().listen(...args));
  }
  taken.close();
  // Where anybody may have port 1, neither fails.
  const server = net.createServer();
  const outcome = new Promise((resolve) => server.on('listening', resolve).on('error', resolve));
  asNobody(() => server.listen(1));
  log('low port', await outcome, server.address());
  server.close();
});

function asNobody(action) {
  const NOBODY = 65534;
  const user = process.geteuid();
  if (user === 0) process.seteuid(NOBODY);
  try {
    action();
  } finally {
    if (user === 0) process.seteuid(user);
  }
}

sameAsNode('a name that does not exist', {}, async ({ net, log }) => {
  const server = net.createServer();
  server.listen({ port: 0, host: 'no-such-name.invalid' });
  const [error] = await once(server, 'error');
  log(error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN', error.syscall, error.hostname);
  const client = net.connect({ port: 1, host: 'no-such-name.invalid' });
  client.on('lookup', (e, ...rest) => log('lookup', Boolean(e), ...rest));
  const [failed] = await once(client, 'error');
  log(failed.syscall, failed.hostname);
});

sameAsNode('calls in the wrong state', {}, async ({ net, log, attempt }) => {
  const server = net.createServer();
  server.on('close', () => log('close event'));
  await new Promise((r) => server.close((error) => r(log('close', error))));
  server.listen(0, '127.0.0.1');
  attempt('listen twice', () => server.listen(0));
  await once(server, 'listening');
  attempt('listen again', () => server.listen(0));
  await new Promise((r) => server.close((error) => r(log('first close', error))));
  await new Promise((r) => server.close((error) => r(log('second close', error))));
  const socket = new net.Socket();
  const reset = failure(log, 'reset', socket);
  log(socket.resetAndDestroy() === socket);
  await reset;
});

sameAsNode('write after the peer has gone', {}, async ({ net, log }) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  // A reset that is there before connect() is done is an error of connect().
  const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
  accepted.on('error', () => {}).resetAndDestroy();
  client.write('x');
  const [error] = await once(client, 'error');
  log(error.code === 'ECONNRESET' || error.code === 'EPIPE', error.errno !== undefined, Object.keys(error));
  server.close();
});

sameAsNode('EPIPE of a write to an ended UNIX peer', {}, async ({ net, log, path }) => {
  const server = net.createServer((socket) => socket.destroy()).listen(path('socket'));
  await once(server, 'listening');
  for (const data of ['x', 'é'.repeat(1000), Buffer.from('x')]) {
    const client = net.connect({ path: path('socket'), allowHalfOpen: true });
    await once(client.resume(), 'end');
    client.write(data, (error) => log('callback', error));
    client.write('y', (error) => log('callback 2', error));
    await failure(log, 'error', client);
    log(client.bytesWritten);
  }
  server.close();
});

sameAsNode('a blocked address', { since: 24 }, async ({ net, log, named }) => {
  const blockList = new BlockList();
  blockList.addAddress('127.0.0.1');
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  named(port, 'PORT');
  for (const options of [
    { port, host: '127.0.0.1', blockList },
    { port, host: 'x.test', family: 4, blockList, lookup: (h, o, cb) => cb(null, '127.0.0.1', 4) },
    {
      port,
      host: 'x.test',
      blockList,
      lookup: (h, o, cb) =>
        cb(null, [
          { address: '127.0.0.1', family: 4 },
          { address: '127.0.0.1', family: 4 },
        ]),
    },
  ]) {
    const client = net.connect(options);
    client.on('connectionAttemptFailed', (...args) => log('failed', ...args));
    client.on('connectionAttempt', (...args) => log('attempt', ...args));
    await failure(log, 'blocked', client);
  }
  server.close();
});

sameAsNode('the block list is that of the socket, not of connect()', { since: 24 }, async ({ net, log }) => {
  const blockList = new BlockList();
  blockList.addAddress('127.0.0.1');
  const server = net.createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = { port: server.address().port, host: '127.0.0.1' };

  const blocked = new net.Socket({ blockList });
  log(blocked.blockList === blockList);
  for (let round = 0; round < 2; round++) {
    blocked.connect(target);
    await failure(log, 'blocked', blocked);
  }
  const free = new net.Socket();
  log('blockList' in free);
  free.connect({ ...target, blockList }, () => log('connect')).resume();
  await once(free, 'close');
  server.close();
});

sameAsNode('options that are no block list', { since: 24 }, ({ net, log, attempt }) => {
  for (const blockList of [5, {}, 'x', [], () => {}, null, 0, '']) {
    attempt('socket', () => log('blockList' in new net.Socket({ blockList })));
    attempt('server', () => log('blockList' in net.createServer({ blockList })));
  }
});
