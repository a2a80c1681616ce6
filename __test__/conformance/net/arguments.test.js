'use strict';

const { once } = require('node:events');
const { sameAsNode } = require('./side-by-side');

const quiet = (socket) => socket?.on?.('error', () => {}).destroy?.();

sameAsNode('arguments that connect() refuses', {}, async ({ net, attempt }) => {
  const bad = [
    [],
    [undefined],
    [null],
    [{}],
    [{ port: undefined }],
    [{ port: null }],
    [{ port: -1 }],
    [{ port: 65536 }],
    [{ port: 1.5 }],
    [{ port: 'x' }],
    [{ port: '' }],
    [{ port: ' ' }],
    [{ port: true }],
    [{ port: [] }],
    [{ port: {} }],
    [{ port: NaN }],
    [{ port: () => {} }],
    [-1],
    [65536],
    ['-1'],
    [{ port: 80, localAddress: 'x' }],
    [{ port: 80, localAddress: 1 }],
    [{ port: 80, localPort: 'x' }],
    [{ port: 80, localPort: {} }],
    [{ port: 80, lookup: 1 }],
    [{ port: 80, lookup: 'x' }],
    [{ port: 80, lookup: {} }],
    [{ port: 80, hints: 0xffffff }],
    [{ port: 80, hints: 'x' }],
    [{ port: 80, family: 9 }],
    [{ port: 80, family: 'x' }],
    [{ path: 1 }],
    [{ path: {} }],
    [{ path: true }],
    [{ port: 80, autoSelectFamily: 1 }],
    [{ port: 80, autoSelectFamily: 'x' }],
    [{ port: 80, autoSelectFamilyAttemptTimeout: 0 }],
    [{ port: 80, autoSelectFamilyAttemptTimeout: 'x' }],
    [{ port: 80, autoSelectFamilyAttemptTimeout: -1 }],
    [{ port: 80, timeout: 'x' }],
    [{ port: 80, timeout: -1 }],
    [{ port: 80, timeout: Infinity }],
    [{ port: 80, objectMode: true }],
    [{ port: 80, readableObjectMode: true }],
    [{ port: 80, writableObjectMode: true }],
    [{ port: 80, keepAliveInitialDelay: 'x' }],
    [{ port: 80, signal: 1 }],
    [{ port: 80, signal: {} }],
    [{ port: 80, signal: 'INVALID' }],
    [{ port: 80, highWaterMark: -1 }],
    [{ port: 80, highWaterMark: 'x' }],
    [{ fd: 'x' }],
    [{ fd: -1 }],
  ];
  for (const args of bad) attempt(JSON.stringify(args), () => quiet(net.connect(...args)));
});

sameAsNode('hosts that connect() refuses', { since: 26 }, async ({ net, attempt }) => {
  for (const host of [1, {}, true]) attempt(String(host), () => quiet(net.connect({ port: 80, host })));
});

sameAsNode('arguments that the Socket constructor refuses', {}, async ({ net, attempt }) => {
  for (const options of [
    -1,
    1.5,
    NaN,
    99_999,
    { fd: -1 },
    { fd: 'x' },
    { fd: null },
    { fd: 99_999 },
    { fd: 1.5 },
    { objectMode: true },
    { readableObjectMode: 1 },
    { writableObjectMode: true },
    { keepAliveInitialDelay: 'x' },
    { keepAliveInitialDelay: -1 },
    { allowHalfOpen: 'x' },
    { onread: 1 },
    { onread: {} },
    { onread: { buffer: 1, callback() {} } },
    { onread: { buffer: Buffer.alloc(1) } },
    { signal: 'x' },
    { noDelay: 'x' },
    null,
    'x',
    { highWaterMark: -5 },
    { readable: false },
    { writable: false },
    { readable: true, writable: true },
  ]) {
    attempt(JSON.stringify(options), () => quiet(new net.Socket(options)));
  }
});

sameAsNode('arguments that socket methods refuse', {}, async ({ net, attempt, log }) => {
  const socket = new net.Socket();
  for (const msecs of [undefined, null, 'x', -1, Infinity, NaN, {}, true])
    attempt(`setTimeout ${msecs}`, () => socket.setTimeout(msecs));
  for (const callback of [1, 'x', {}, null])
    attempt(`setTimeout callback ${callback}`, () => socket.setTimeout(1, callback));
  log(socket.timeout);
  attempt('setTimeout 0', () => socket.setTimeout(0));
  for (const data of [undefined, 1, {}, [], true])
    attempt(`write ${data}`, () => new net.Socket().on('error', () => {}).write(data));
  attempt('write null', () => new net.Socket().on('error', () => {}).write(null));
  attempt('write encoding', () => new net.Socket().on('error', () => {}).write('x', 'nonsense'));
  attempt('setNoDelay', () => log(socket.setNoDelay('x') === socket, socket.setNoDelay() === socket));
  attempt('setKeepAlive', () =>
    log(socket.setKeepAlive(true, 1000) === socket, socket.setKeepAlive() === socket),
  );
  attempt('ref', () => log(socket.ref() === socket, socket.unref() === socket));
  attempt('pause', () => log(socket.pause() === socket, socket.resume() === socket));
  attempt('end', () => log(socket.end() === socket));
});

sameAsNode('arguments that createServer() refuses', {}, async ({ net, attempt }) => {
  for (const options of [
    'path',
    0,
    true,
    null,
    undefined,
    {},
    [],
    () => {},
    { keepAliveInitialDelay: 'x' },
    { highWaterMark: 'x' },
    { highWaterMark: -1 },
  ]) {
    attempt(JSON.stringify(options), () => net.createServer(options));
    attempt(`new ${JSON.stringify(options)}`, () => new net.Server(options, 'x'));
  }
});

sameAsNode('arguments that listen() refuses', {}, async ({ net, attempt }) => {
  for (const args of [
    [{}],
    [{ port: -1 }],
    [{ port: 65536 }],
    [{ port: 1.5 }],
    [{ port: 'x' }],
    [{ port: '' }],
    [{ port: true }],
    [{ port: [] }],
    [{ port: {} }],
    [{ port: NaN }],
    [{ path: undefined }],
    [{ path: '' }],
    [{ path: 1 }],
    [{ path: true }],
    [{ path: {} }],
    [{ fd: 'x' }],
    [{ fd: -1 }],
    [-1],
    [65536],
    ['-1'],
    [true],
    [false],
    [NaN],
    [{ host: 'x' }],
    [{ port: 0, signal: 1 }],
    [{ port: 0, signal: 'INVALID' }],
    [{ backlog: 1 }],
    [{ exclusive: true }],
    [Symbol.iterator.toString()],
    [{ port: 0, host: '127.0.0.1', reusePort: 'x' }],
  ]) {
    attempt(JSON.stringify(args), () => {
      const server = net.createServer().on('error', () => {});
      try {
        return server.listen(...args);
      } finally {
        server.close();
      }
    });
  }
});

for (const [name, args] of Object.entries({
  'port, host, callback': (port, cb) => [port, '127.0.0.1', cb],
  'port as text': (port, cb) => [String(port), '127.0.0.1', cb],
  'port as hexadecimal text': (port, cb) => [`0x${port.toString(16)}`, '127.0.0.1', cb],
  'options with host': (port, cb) => [{ port, host: '127.0.0.1' }, cb],
  'options with family': (port, cb) => [{ port, host: 'localhost', family: 4 }, cb],
  'options with family as text': (port, cb) => [{ port, host: 'localhost', family: 'IPv4' }, cb],
  'options with localAddress': (port, cb) => [{ port, host: '127.0.0.1', localAddress: '127.0.0.1' }, cb],
  'port, callback': (port, cb) => [port, cb],
  'options with lookup': (port, cb) => [
    { port, host: 'x.test', lookup: (h, o, done) => done(null, '127.0.0.1', 4), family: 4 },
    cb,
  ],
  'options with lookup of all': (port, cb) => [
    { port, host: 'x.test', lookup: (h, o, done) => done(null, [{ address: '127.0.0.1', family: 4 }]) },
    cb,
  ],
})) {
  sameAsNode(`connect by ${name}`, {}, async ({ net, log, named, watch }) => {
    const server = net.createServer((socket) => socket.end()).listen(0);
    await once(server, 'listening');
    named(server.address().port, 'PORT');
    const client = net.connect(...args(server.address().port, () => log('callback')));
    watch('client', client, [
      'lookup',
      'connectionAttempt',
      'connectionAttemptFailed',
      'connect',
      'ready',
      'close',
    ]);
    client.resume();
    await new Promise((r) => client.once('close', r));
    log(client.autoSelectFamilyAttemptedAddresses);
    server.close();
  });
}

for (const [name, args] of Object.entries({
  nothing: (cb) => [cb],
  'port 0': (cb) => [0, cb],
  'port and host': (cb) => [0, '127.0.0.1', cb],
  'port, host, backlog': (cb) => [0, '127.0.0.1', 5, cb],
  'port, backlog': (cb) => [0, 5, cb],
  'port, undefined': (cb) => [0, undefined, cb],
  'null port': (cb) => [{ port: null }, cb],
  'undefined port': (cb) => [{ port: undefined }, cb],
  undefined: (cb) => [undefined, cb],
  null: (cb) => [null, cb],
  'text port': (cb) => ['0', cb],
  options: (cb) => [{ port: 0, host: '127.0.0.1', backlog: 3 }, cb],
  ipv6Only: (cb) => [{ port: 0, host: '::1', ipv6Only: true }, cb],
  'host ::': (cb) => [{ port: 0, host: '::' }, cb],
  localhost: (cb) => [{ port: 0, host: 'localhost' }, cb],
  exclusive: (cb) => [{ port: 0, exclusive: true, host: '127.0.0.1' }, cb],
  'abstract name': (cb) => [`\0oxipc-conformance-${process.pid}`, cb],
  'path option': (cb, path) => [{ path: path('socket') }, cb],
  path: (cb, path) => [path('socket'), cb],
  'path, backlog': (cb, path) => [path('socket'), 3, cb],
})) {
  sameAsNode(`listen by ${name}`, {}, async ({ net, log, named, path }) => {
    named(process.pid, 'PID');
    const server = net.createServer();
    log(server.address(), server.listening);
    const returned = server.listen(...args(() => log('callback'), path));
    log(returned === server, server.listening);
    await once(server, 'listening');
    const address = server.address();
    named(address?.port, 'PORT');
    log(address);
    server.close((error) => log('closed', error));
    log(server.address(), server.listening);
    await once(server, 'close');
  });
}
