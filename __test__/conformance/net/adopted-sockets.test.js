'use strict';

// `socket._handle` read at every moment of a connection: ours gives its descriptor to a handle of Node's then, and a program is
// to see nothing of that.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { once } = require('node:events');
const nodesNet = require('node:net');
const { test } = require('node:test');
const { inspect } = require('node:util');

const net = require('../../../lib/net');
const { kHandle } = require('../../../lib/net/symbols');
const { sameAsNode } = require('./side-by-side');

const MEGABYTE = 1024 * 1024;
const EVENTS = ['connect', 'ready', 'data', 'drain', 'end', 'finish', 'timeout', 'error', 'close'];

const closed = (socket) => new Promise((resolve) => socket.once('close', resolve));
const isHandle = (handle) => typeof handle === 'object' && handle !== null && handle.constructor.name;

// A pattern in which an exchange of two pieces shows.
function pattern(length) {
  const bytes = Buffer.allocUnsafe(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 7 + (index >> 8)) & 0xff;
  return bytes;
}

async function listen(net, target, listener, options = {}) {
  const server = net.createServer(options, listener).listen(target);
  await once(server, 'listening');
  return server;
}

const TARGETS = { TCP: () => ({ port: 0, host: '127.0.0.1' }), UNIX: (path) => ({ path: path('socket') }) };

// As sameAsNode, over TCP and over a UNIX socket.
function overBoth(name, settings, scenario) {
  for (const [kind, targetOf] of Object.entries(TARGETS)) {
    sameAsNode(`${name} (${kind})`, settings, (context) => {
      const target = targetOf(context.path);
      const connect = (server, ...rest) => {
        const { port } = server.address();
        return context.net.connect(
          port ? { port, host: '127.0.0.1', ...rest[0] } : { ...target, ...rest[0] },
        );
      };
      return scenario({ ...context, target, connect });
    });
  }
}

const MOMENTS = {
  'before connect()': (socket, read) => read(),
  'right after connect()': (socket, read) => queueMicrotask(read),
  'when connecting': (socket, read) => socket.once('connectionAttempt', read),
  'when connected': (socket, read) => socket.once('connect', read),
  'when ready': (socket, read) => socket.once('ready', read),
  'with the first data': (socket, read) => socket.once('data', read),
  'a turn after the first data': (socket, read) => socket.once('data', () => setImmediate(read)),
  'at the end': (socket, read) => socket.once('end', read),
  'when all is written': (socket, read) => socket.once('finish', read),
  'when closed': (socket, read) => socket.once('close', read),
};

for (const [moment, arrange] of Object.entries(MOMENTS)) {
  overBoth(`a conversation, _handle read ${moment}`, {}, async ({ net, log, watch, target, connect }) => {
    const server = await listen(
      net,
      target,
      (socket) => {
        socket.setEncoding('utf8');
        socket.on('data', (text) => socket.write(`echo ${text}`));
        socket.on('end', () => socket.end('bye'));
      },
      { allowHalfOpen: true },
    );
    const { port } = server.address();
    const socket = watch('client', new net.Socket(), ['connect', 'ready', 'end', 'finish', 'error', 'close']);
    arrange(socket, () => {
      log('handle', isHandle(socket._handle), [socket._handle].includes(socket._handle));
      if (socket._handle)
        log(socket._handle.hasRef(), typeof socket._handle.fd, socket._handle.reading === true);
    });
    socket.connect(port ? { port, host: '127.0.0.1' } : target);
    log(socket.pending, socket.connecting, socket.readyState);
    await once(socket, 'connect');
    for (const text of ['one', 'two', 'three']) {
      socket.write(text);
      log(String((await once(socket, 'data'))[0]));
    }
    let rest = '';
    socket.on('data', (text) => (rest += text));
    log(
      socket.bytesRead,
      socket.bytesWritten,
      socket.remoteAddress,
      socket.remoteFamily,
      socket.localAddress,
    );
    socket.end('four');
    await closed(socket);
    log(rest, socket.bytesRead, socket.bytesWritten, socket.readyState, socket._handle);
    server.close();
    await once(server, 'close');
  });
}

overBoth('both ends adopted between two bulk transfers', {}, async ({ net, log, target, connect }) => {
  const sent = pattern(3 * MEGABYTE + 17);
  const server = await listen(net, target, async (socket) => {
    log('server', isHandle(socket._handle));
    socket.pipe(socket);
  });
  const socket = connect(server);
  const received = [];
  socket.on('data', (chunk) => {
    received.push(chunk);
    // In the middle of what comes and of what goes.
    if (received.length === 3) log('client', isHandle(socket._handle));
  });
  socket.write(sent.subarray(0, MEGABYTE));
  socket.write(sent.subarray(MEGABYTE, MEGABYTE + 1));
  socket.end(sent.subarray(MEGABYTE + 1));
  await closed(socket);
  log(Buffer.concat(received).equals(sent), socket.bytesRead, socket.bytesWritten);
  server.close();
});

overBoth(
  'writes under way keep their order, callbacks and drain',
  {},
  async ({ net, log, target, connect }) => {
    let accept;
    const accepted = new Promise((resolve) => (accept = resolve));
    const server = await listen(net, target, accept, { pauseOnConnect: true });
    const socket = connect(server);
    await once(socket, 'connect');
    const peer = await accepted;
    const pieces = [pattern(8 * MEGABYTE), Buffer.from('small'), pattern(MEGABYTE)];
    socket.on('drain', () => log('drain'));
    socket.on('finish', () => log('finish'));
    for (const [index, piece] of pieces.entries()) {
      log(
        'returned',
        socket.write(piece, (error) => log('written', index, error ?? null)),
      );
    }
    const total = pieces.reduce((sum, { length }) => sum + length, 0);
    log(isHandle(socket._handle), socket.writableLength === total, socket.bytesWritten === total);
    log(
      'returned',
      socket.write('after', () => log('written', 'after')),
    );
    socket.end('last', () => log('ended'));
    const received = [];
    peer.on('data', (chunk) => received.push(chunk));
    peer.resume();
    await once(peer, 'end');
    const expected = Buffer.concat([...pieces, Buffer.from('afterlast')]);
    log(Buffer.concat(received).equals(expected), socket.bytesWritten === expected.length);
    peer.destroy();
    socket.destroy();
    server.close();
  },
);

overBoth('small writes of one tick, _handle read between them', {}, async ({ net, log, target, connect }) => {
  const server = await listen(net, target, async (socket) => {
    let text = '';
    for await (const chunk of socket.setEncoding('latin1')) text += chunk;
    log('received', text);
    server.close();
  });
  const socket = connect(server);
  await once(socket, 'connect');
  for (let index = 0; index < 5; index++) socket.write(`<${index}>`);
  log(isHandle(socket._handle), socket.bytesWritten);
  for (let index = 5; index < 10; index++) socket.write(Buffer.from(`<${index}>`));
  socket.cork();
  socket.write('corked ');
  socket.write('text', 'latin1');
  log(socket.bytesWritten, socket.writableLength);
  socket.uncork();
  socket.write('c3a9', 'hex');
  socket.write('\u00e9', 'utf8');
  socket.end();
  await once(server, 'close');
});

overBoth('small writes that leave with a large one', {}, async ({ net, log, target, connect }) => {
  let accept;
  const accepted = new Promise((resolve) => (accept = resolve));
  const server = await listen(net, target, accept, { pauseOnConnect: true });
  const socket = connect(server);
  await once(socket, 'connect');
  const peer = await accepted;
  const large = pattern(8 * MEGABYTE);
  for (const text of ['one', 'two', 'three']) socket.write(text);
  socket.write(large, () => log('written'));
  log(isHandle(socket._handle), socket.bytesWritten === large.length + 11);
  socket.end('last');
  const received = [];
  peer.on('data', (chunk) => received.push(chunk));
  peer.resume();
  await once(peer, 'end');
  const expected = Buffer.concat([Buffer.from('onetwothree'), large, Buffer.from('last')]);
  log(Buffer.concat(received).equals(expected), socket.bytesWritten === expected.length);
  peer.destroy();
  socket.destroy();
  server.close();
});

overBoth('end() under way', {}, async ({ net, log, watch, target, connect }) => {
  for (const data of ['', 'x', pattern(8 * MEGABYTE)]) {
    let accept;
    const accepted = new Promise((resolve) => (accept = resolve));
    const server = await listen(net, target, accept, { pauseOnConnect: true, allowHalfOpen: true });
    const socket = watch('client', connect(server, { allowHalfOpen: true }), [
      'finish',
      'end',
      'error',
      'close',
    ]);
    await once(socket, 'connect');
    const peer = await accepted;
    socket.end(data, () => log('end callback'));
    log(isHandle(socket._handle), socket.writableEnded, socket.writableFinished);
    let length = 0;
    peer.on('data', (chunk) => (length += chunk.length));
    peer.resume();
    await once(peer, 'end');
    log('received', length === data.length);
    // The other half is open still.
    socket.resume();
    peer.end('answer');
    await closed(socket);
    server.close();
    await once(server, 'close');
  }
});

overBoth('paused, with bytes that have been read', {}, async ({ net, log, target, connect }) => {
  const server = await listen(net, target, (socket) => {
    socket.write('first');
    socket.once('data', () => socket.end('second'));
  });
  const socket = connect(server);
  await once(socket, 'readable');
  log(socket.readableLength, isHandle(socket._handle), socket._handle.reading, socket.readableLength);
  socket.pause();
  log(socket._handle.reading, socket.isPaused());
  log(String(socket.read(2)), socket.readableLength);
  socket.unshift('un');
  log(String(socket.read()));
  socket.write('go on');
  socket.setEncoding('utf8');
  socket.resume();
  const texts = [];
  socket.on('data', (text) => texts.push(text));
  await closed(socket);
  log(texts.join(''), socket.bytesRead);
  server.close();
});

overBoth(
  'paused for good: the peer waits, and nothing is lost afterwards',
  {},
  async ({ net, log, target, connect }) => {
    const sent = pattern(2 * MEGABYTE);
    const server = await listen(net, target, (socket) => socket.end(sent));
    const socket = connect(server);
    await once(socket, 'connect');
    socket.pause();
    const received = [];
    socket.on('data', (chunk) => received.push(chunk));
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    log(isHandle(socket._handle), received.length);
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    log(received.length);
    socket.resume();
    await closed(socket);
    log(Buffer.concat(received).equals(sent), socket.bytesRead === sent.length);
    server.close();
  },
);

for (const [kind, bufferOf] of Object.entries({
  'one buffer': () => Buffer.alloc(10),
  'a function': () => () => Buffer.alloc(10),
})) {
  overBoth(`onread with ${kind}`, {}, async ({ net, log, target, connect }) => {
    const server = await listen(net, target, (socket) => {
      socket.write('0123456789abc');
      socket.once('data', () => socket.end('the rest of all'));
    });
    let text = '';
    let calls = 0;
    const socket = connect(server, {
      onread: {
        buffer: bufferOf(),
        callback(length, buffer) {
          text += buffer.latin1Slice(0, length);
          if (++calls === 1) log('adopted', isHandle(socket._handle), socket._handle.bytesRead >= 0);
          if (text === '0123456789abc') socket.write('go on');
          return true;
        },
      },
    });
    socket.on('data', () => log('data'));
    await closed(socket);
    log(text, socket.bytesRead);
    server.close();
  });
}

overBoth('half-open', {}, async ({ net, log, watch, target, connect }) => {
  for (const allowHalfOpen of [true, false]) {
    const server = await listen(
      net,
      target,
      (socket) => {
        watch('server', socket, ['end', 'finish', 'error', 'close']);
        log('server', isHandle(socket._handle));
        socket.resume();
        socket.on('end', () => {
          if (socket.writable) socket.end('after your end');
        });
      },
      { allowHalfOpen },
    );
    const socket = connect(server, { allowHalfOpen: true });
    await once(socket, 'connect');
    socket.end('mine');
    const texts = [];
    socket.on('data', (text) => texts.push(String(text)));
    await once(socket, 'end');
    log(allowHalfOpen, texts, isHandle(socket._handle));
    server.close();
    await once(server, 'close');
    await closed(socket);
  }
});

overBoth('timeouts', {}, async ({ net, log, watch, target, connect }) => {
  const server = await listen(net, target, (socket) => socket.resume());
  const socket = watch('client', connect(server), ['timeout', 'close']);
  await once(socket, 'connect');
  socket.setTimeout(60_000, () => log('long'));
  log(isHandle(socket._handle), socket.timeout);
  socket.setTimeout(20);
  await once(socket, 'timeout');
  socket.setTimeout(0);
  log(socket.timeout);
  socket.setTimeout(20);
  socket.destroy();
  await closed(socket);
  server.close();
});

overBoth('unref() before and after, and by the handle', {}, async ({ net, log, target, connect }) => {
  const server = await listen(net, target, () => {});
  for (const use of [
    (socket) => socket.unref(),
    (socket) => socket.unref().ref(),
    (socket) => socket._handle.unref(),
    (socket) => {
      log(typeof socket._handle);
      socket.unref();
    },
  ]) {
    const early = connect(server);
    use(early);
    log('early', early._handle.hasRef());
    await once(early, 'connect');
    log(early._handle.hasRef());
    const late = connect(server);
    await once(late, 'connect');
    use(late);
    log('late', late._handle.hasRef());
    early.destroy();
    late.destroy();
  }
  server.close();
});

overBoth('destroy() and errors', {}, async ({ net, log, watch, target, connect }) => {
  for (const [name, use] of [
    ['destroy', (socket) => socket.destroy()],
    ['destroy with an error', (socket) => socket.destroy(new Error('mine'))],
    ['destroySoon', (socket) => socket.destroySoon()],
    ['write after destroy', (socket) => socket.destroy().write('late', (error) => log('write', error))],
    [
      'write under way',
      (socket) => {
        socket.write(pattern(8 * MEGABYTE), (error) => log('cut off', error ?? null));
        socket.destroy();
      },
    ],
    ['handle closed', (socket) => socket._handle.close(() => log('handle closed'))],
  ]) {
    const server = await listen(net, target, (socket) => socket.on('error', () => {}), {
      pauseOnConnect: true,
    });
    const socket = watch(name, connect(server), ['error', 'end', 'finish', 'close']);
    await once(socket, 'connect');
    socket._handle;
    use(socket);
    log(socket.destroyed, isHandle(socket._handle), socket.pending);
    if (name !== 'handle closed') await closed(socket);
    server.close();
    if (name === 'handle closed') {
      await new Promise(setImmediate);
      socket.destroy();
    }
  }
});

sameAsNode('resetAndDestroy()', {}, async ({ net, log, watch }) => {
  const server = await listen(net, { port: 0, host: '127.0.0.1' }, (socket) => {
    watch('server', socket, ['error', 'close']);
  });
  const socket = watch('client', net.connect(server.address().port, '127.0.0.1'), ['error', 'close']);
  await once(socket, 'connect');
  log(isHandle(socket._handle));
  socket.resetAndDestroy();
  await closed(socket);
  server.close();
  await once(server, 'close');
});

sameAsNode('options of TCP', {}, async ({ net, log }) => {
  const server = await listen(net, { port: 0, host: '127.0.0.1' }, () => {});
  for (const early of [true, false]) {
    const socket = net.connect(server.address().port, '127.0.0.1');
    if (early) socket._handle;
    else await once(socket, 'connect');
    log(socket.setNoDelay() === socket, socket.setKeepAlive(true, 5000) === socket);
    log(socket._handle.setNoDelay(true), socket._handle.setKeepAlive(true, 1));
    if (early) await once(socket, 'connect');
    log(isHandle(socket._handle));
    const name = {};
    log(socket._handle.getpeername(name), name.address, name.port === server.address().port);
    log(socket._handle.getsockname(name), name.port === socket.localPort);
    log(socket._handle.getAsyncId() > 0);
    socket.destroy();
  }
  server.close();
});

sameAsNode('a host that is looked up, with several addresses', {}, async ({ net, log, watch }) => {
  const server = await listen(net, { port: 0, host: '127.0.0.1' }, (socket) => socket.end('found'));
  const lookup = (host, options, callback) =>
    setImmediate(() =>
      options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4),
    );
  const socket = watch('client', net.connect({ port: server.address().port, host: 'name', lookup }), EVENTS);
  log(isHandle(socket._handle), socket._handle.fd);
  await closed(socket);
  server.close();
});

test('the handle that was read while two addresses are tried is that of the connection', async () => {
  const server = net.createServer((socket) => socket.end('found')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const lookup = (host, options, callback) =>
    callback(null, [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ]);
  const socket = net.connect({ port: server.address().port, host: 'name', lookup, autoSelectFamily: true });
  const { _handle: handle } = socket;
  await once(socket, 'connect');
  assert.equal(socket._handle, handle);
  assert.deepEqual([String((await once(socket, 'data'))[0]), socket.remoteAddress], ['found', '127.0.0.1']);
  socket.destroy();
  server.close();
});

for (const target of ['TCP', 'UNIX']) {
  sameAsNode(`a connection that fails (${target})`, {}, async ({ net, log, watch, named, path }) => {
    const taken = net.createServer().listen(TARGETS[target](path));
    await once(taken, 'listening');
    const address = taken.address();
    taken.close();
    await once(taken, 'close');
    if (address.port) named(address.port, 'PORT');
    const socket = watch(
      'client',
      net.connect(address.port ? { port: address.port, host: '127.0.0.1' } : address),
      EVENTS,
    );
    log(isHandle(socket._handle), socket.pending);
    await closed(socket);
    log(socket._handle, socket.destroyed);
  });
}

overBoth('stores of AsyncLocalStorage', {}, async ({ net, log, target, connect }) => {
  const storage = new AsyncLocalStorage();
  const server = storage.run('listening', () =>
    net
      .createServer((socket) => {
        log('connection', storage.getStore());
        storage.run('read by a listener', () => socket._handle);
        socket.on('data', () => log('server data', storage.getStore()));
        socket.write('x');
      })
      .listen(target),
  );
  await once(server, 'listening');
  const socket = storage.run('connecting', () => connect(server));
  await once(socket, 'connect');
  storage.run('read', () => socket._handle);
  socket.on('data', () => log('client data', storage.getStore()));
  await once(socket, 'data');
  storage.run('writing', () => socket.write('y', () => log('written', storage.getStore())));
  storage.run('ending', () => socket.end('z', () => log('ended', storage.getStore())));
  socket.on('close', () => log('closed', storage.getStore()));
  await closed(socket);
  server.close();
});

overBoth('one socket connects again after it was adopted', {}, async ({ net, log, target, connect }) => {
  const server = await listen(net, target, (socket) => socket.end('hello'));
  const { port } = server.address();
  const socket = new net.Socket();
  for (let round = 0; round < 3; round++) {
    socket.connect(port ? { port, host: '127.0.0.1' } : target);
    await once(socket, 'connect');
    if (round !== 1) log(isHandle(socket._handle));
    log(String((await once(socket, 'data'))[0]), socket.bytesRead, socket.bytesWritten);
    await closed(socket);
  }
  server.close();
});

sameAsNode('connect() on what is connected', {}, async ({ net, log, watch, named }) => {
  const server = await listen(net, { port: 0, host: '127.0.0.1' }, (socket) => socket.on('error', () => {}));
  named(server.address().port, 'PORT');
  const socket = watch('client', net.connect(server.address().port, '127.0.0.1'), [
    'connect',
    'error',
    'close',
  ]);
  await once(socket, 'connect');
  named(socket.localPort, 'LOCAL');
  log(isHandle(socket._handle));
  socket.connect(server.address().port, '127.0.0.1');
  await once(socket, 'connect');
  log(socket.readyState);
  socket.destroy();
  await closed(socket);
  server.close();
});

sameAsNode("a Socket on a handle of Node's", {}, async ({ net, log }) => {
  const server = await listen(net, { port: 0, host: '127.0.0.1' }, (socket) => socket.pipe(socket));
  const donor = nodesNet.connect(server.address().port, '127.0.0.1');
  await once(donor, 'connect');
  const { _handle: handle } = donor;
  donor._handle = null;
  const socket = new net.Socket({ handle });
  log(socket._handle === handle, socket.pending, socket.remotePort === server.address().port);
  socket.write('through');
  log(String((await once(socket, 'data'))[0]), socket.bytesRead, socket.bytesWritten);
  socket.end();
  await closed(socket);

  const { constructor: TCP } = handle;
  const unconnected = new net.Socket({ handle: new TCP(0), manualStart: true });
  unconnected.connect(server.address().port, '127.0.0.1');
  await once(unconnected, 'connect');
  unconnected.end('too');
  log(String((await once(unconnected, 'data'))[0]));
  await closed(unconnected);
  server.close();
});

test('looking at a socket leaves its handle ours', async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = net.connect(server.address().port, '127.0.0.1');
  await once(socket, 'connect');
  const [ours, listening] = [socket[kHandle], server[kHandle]];
  inspect(socket, { depth: 5, showHidden: true });
  inspect(server, { depth: 5, showHidden: true });
  Object.keys(socket);
  Object.keys(server);
  JSON.stringify(socket.address());
  socket.ref().unref().setNoDelay().setKeepAlive().setTimeout(0);
  void [
    socket.bytesRead,
    socket.bytesWritten,
    socket.remoteAddress,
    socket.pending,
    socket.readyState,
    server.listening,
    socket.bufferSize,
  ];
  assert.equal(socket[kHandle], ours);
  assert.equal(server[kHandle], listening);
  socket.destroy();
  server.close();
});

test('instanceof holds both ways, for our classes only', async () => {
  const server = net.createServer();
  const socket = new net.Socket();
  class Mine extends net.Socket {}
  assert.ok(socket instanceof nodesNet.Socket && server instanceof nodesNet.Server);
  assert.ok(new nodesNet.Socket() instanceof net.Socket && nodesNet.createServer() instanceof net.Server);
  assert.ok(new Mine() instanceof Mine && new Mine() instanceof net.Socket);
  assert.ok(!(socket instanceof Mine) && !(new nodesNet.Socket() instanceof Mine));
  for (const other of [null, undefined, 1, 'socket', {}, net.Socket])
    assert.ok(!(other instanceof net.Socket));
});
