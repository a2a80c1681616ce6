'use strict';

const { once } = require('node:events');
const { pipeline } = require('node:stream/promises');
const { Readable, Writable, Duplex } = require('node:stream');

const { loopTurns } = require('../../support/loop-turns');
const { sameAsNode } = require('./side-by-side');

const SOCKET_EVENTS = [
  'lookup',
  'connectionAttempt',
  'connectionAttemptFailed',
  'connect',
  'ready',
  'data',
  'end',
  'finish',
  'drain',
  'timeout',
  'error',
  'close',
];
const STATE = [
  'connecting',
  'pending',
  'readyState',
  'destroyed',
  'bytesRead',
  'bytesWritten',
  'bufferSize',
  'timeout',
];
const state = (socket) => Object.fromEntries(STATE.map((name) => [name, socket[name]]));

async function listen(net, options, onConnection) {
  const server = net.createServer(options, onConnection);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

for (const [name, end] of [
  ['the client ends', (client, accepted) => client.end('bye')],
  ['the server ends', (client, accepted) => accepted.end('bye')],
  ['the client destroys', (client, accepted) => client.destroy()],
  ['the client destroys with an error', (client, accepted) => client.destroy(new Error('mine'))],
  ['the client resets', (client, accepted) => client.resetAndDestroy()],
  ['the server resets', (client, accepted) => accepted.resetAndDestroy()],
  ['both end at once', (client, accepted) => [client, accepted].map((side) => side.end())],
  ['destroySoon after a write', (client, accepted) => client.destroySoon(client.write('x'))],
]) {
  for (const allowHalfOpen of [false, true]) {
    sameAsNode(
      `events of both sides when ${name}${allowHalfOpen ? ' (half-open)' : ''}`,
      {},
      async ({ net, log, named, watch }) => {
        const logs = { client: [], accepted: [] };
        const note = (side, socket) => {
          for (const event of SOCKET_EVENTS) {
            socket.on(event, (...args) =>
              logs[side].push([
                event,
                ...args.map((a) => (a instanceof Error ? (a.code ?? a.message) : String(a))),
              ]),
            );
          }
        };
        const server = await listen(net, { allowHalfOpen });
        named(server.address().port, 'PORT');
        const client = net.connect({ port: server.address().port, host: '127.0.0.1', allowHalfOpen });
        note('client', client);
        const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
        note('accepted', accepted);
        client.on('end', () => allowHalfOpen && setImmediate(() => client.end()));
        accepted.on('end', () => allowHalfOpen && setImmediate(() => accepted.end()));
        const both = Promise.all([
          new Promise((r) => client.on('close', r)),
          new Promise((r) => accepted.on('close', r)),
        ]);
        end(client, accepted);
        await both;
        log('client', logs.client, state(client));
        log('accepted', logs.accepted, state(accepted));
        server.close();
        await once(server, 'close');
      },
    );
  }
}

sameAsNode('state before, during and after a connection', {}, async ({ net, log, named }) => {
  const server = await listen(net, {}, (socket) => socket.on('data', () => socket.end('reply')));
  named(server.address().port, 'PORT');
  const client = new net.Socket();
  log('new', state(client), client.address(), client.remoteAddress, client.localPort, client.remoteFamily);
  client.connect(server.address().port, '127.0.0.1');
  log('connecting', state(client), client.address(), client.remoteAddress);
  client.write('abc');
  client.write('déf');
  log('written', state(client), client.writableLength);
  await once(client, 'connect');
  named(client.localPort, 'LOCAL');
  log(
    'connected',
    state(client),
    client.address(),
    client.remoteAddress,
    client.remotePort,
    client.remoteFamily,
    client.localFamily,
  );
  client.resume();
  await new Promise((r) => client.once('close', r));
  log('closed', state(client), client.remoteAddress, client.address());
  server.close();
});

sameAsNode('write() returns what it returns in Node, and counts', {}, async ({ net, log }) => {
  const server = await listen(net, {}, (socket) => socket.resume());
  const client = net.connect(server.address().port, '127.0.0.1');
  await once(client, 'connect');
  for (let index = 0; index < 300; index++) {
    const result = client.write(index % 2 ? 'x'.repeat(100) : Buffer.alloc(100));
    if (index % 100 === 0) log(result, client.bytesWritten, client.writableLength, client.writableNeedDrain);
  }
  log(client.bytesWritten, client.writableLength);
  client.end();
  await new Promise((r) => client.once('close', r));
  log(client.bytesWritten, state(client));
  server.close();
});

sameAsNode('order of write callbacks, finish and end callback', {}, async ({ net, log }) => {
  const server = await listen(net, {}, (socket) => socket.resume());
  const client = net.connect(server.address().port, '127.0.0.1');
  await once(client, 'connect');
  client.on('finish', () => log('finish'));
  client.write('a', () => log('a'));
  client.write('b');
  client.write(Buffer.from('c'), (error) => log('c', error));
  client.cork();
  client.write('d', 'latin1', () => log('d'));
  client.write('65', 'hex', () => log('e'));
  client.uncork();
  process.nextTick(() => log('tick'));
  client.end('f', () => log('f'));
  log('sync done', client.bytesWritten);
  await new Promise((r) => client.once('close', r));
  log(client.bytesWritten);
  server.close();
});

sameAsNode("end(): 'finish' has a turn of its own, and none after destroy()", {}, async ({ net, log }) => {
  const server = await listen(net, {}, (socket) => socket.on('error', () => {}).resume());
  for (const destroys of [false, true]) {
    const client = net.connect(server.address().port, '127.0.0.1');
    await once(client, 'connect');
    client.on('prefinish', () => log('prefinish'));
    client.on('finish', () => log('finish', client.readyState));
    client.write('x', () => {
      log('written', client.writableFinished);
      if (destroys) client.destroy();
    });
    client.end((error) => log('ended', error?.code));
    process.nextTick(() => process.nextTick(() => log('ticks', client.writableFinished)));
    await new Promise((r) => client.on('close', r));
    log('closed', client.writableFinished);
  }
  server.close();
});

sameAsNode('end() before connect()', {}, async ({ net, log }) => {
  const server = await listen(net, {}, (socket) => socket.resume());
  const client = new net.Socket();
  for (const event of ['prefinish', 'finish', 'connect', 'end', 'close'])
    client.on(event, () => log(event, client.readyState));
  client.end(() => log('ended'));
  await new Promise((r) => setImmediate(r));
  log(client.readyState, client.writableFinished);
  client.connect(server.address().port, '127.0.0.1').resume();
  const [accepted] = await once(server, 'connection');
  // Only Node 20 ends the connection.
  accepted.end();
  await new Promise((r) => client.on('close', r));
  log(client.writableFinished);

  const never = new net.Socket();
  for (const event of ['prefinish', 'finish', 'close']) never.on(event, () => log(event));
  never.end();
  never.destroy();
  await new Promise((r) => never.on('close', r));
  server.close();
});

sameAsNode('a callback of connect() stays when there is nothing to connect to', {}, async ({ net, log }) => {
  const client = new net.Socket();
  for (const args of [[{}], [{ path: null }], [undefined]]) {
    try {
      client.connect(...args, () => log('connect'));
    } catch (error) {
      log(error.code, client.listenerCount('connect'), client.connecting);
    }
  }
});

sameAsNode('all encodings arrive as the same bytes', {}, async ({ net, log }) => {
  const received = [];
  const server = await listen(net, {}, (socket) =>
    socket
      .on('data', (chunk) => received.push(chunk))
      .on('end', () => log(Buffer.concat(received).toString('hex'))),
  );
  const client = net.connect(server.address().port, '127.0.0.1');
  await once(client, 'connect');
  for (const round of [0, 1]) {
    client.write('añ€😀', 'utf8');
    client.write('añ€', 'latin1');
    client.write('añ€', 'ascii');
    client.write('añ€', 'ucs2');
    client.write('añ€', 'utf16le');
    client.write('616263', 'hex');
    client.write('YWJj', 'base64');
    client.write('YWJj', 'base64url');
    client.write(new Uint8Array([1, 2, 3]));
    if (round === 0) client.cork();
  }
  client.end();
  await new Promise((r) => client.once('close', r));
  server.close();
  await once(server, 'close');
});

sameAsNode('destroy() in every callback', {}, async ({ net, log }) => {
  // Not in 'lookup' and 'connectionAttempt': Node throws a TypeError of its own there.
  for (const event of ['connect', 'ready', 'data', 'end', 'finish', 'timeout']) {
    const server = await listen(net, {}, (socket) => socket.on('error', () => {}).end('data'));
    const client = net.connect({ port: server.address().port, host: 'localhost', family: 4 });
    const seen = [];
    for (const name of ['connect', 'ready', 'data', 'end', 'finish', 'error', 'close'])
      client.on(name, (value) => seen.push(name, name === 'close' ? value : ''));
    client.on(event, () => client.destroy());
    // Not from connect() on: the look-up might take as long.
    if (event === 'timeout') client.pause().once('connect', () => client.setTimeout(50));
    await new Promise((r) => client.on('close', r));
    log(event, seen, client.destroyed, client.readyState);
    server.close();
    await once(server, 'close');
  }
});

sameAsNode('one socket connects again and again', {}, async ({ net, log }) => {
  const server = await listen(net, {}, (socket) => socket.end('x'));
  const client = new net.Socket();
  client.on('close', (hadError) => log('close', hadError, client.bytesRead));
  client.on('data', (chunk) => log('data', chunk));
  client.on('end', () => log('end'));
  for (let round = 0; round < 3; round++) {
    client.connect(server.address().port, '127.0.0.1');
    await once(client, 'close');
  }
  server.close();
});

sameAsNode("writes that never leave get Node's errors", {}, async ({ net, log }) => {
  const never = new net.Socket();
  never.on('error', (error) => log('never', error));
  never.write('x', (error) => log('never written', error));
  await new Promise((r) => setImmediate(r));

  const server = await listen(net, {}, (socket) => socket.on('error', () => {}));
  const early = net.connect(server.address().port, '127.0.0.1');
  early.on('error', (error) => log('early', error));
  early.write('x', (error) => log('early written', error));
  early.write('y', (error) => log('early written 2', error));
  early.destroy();
  early.write('z', (error) => log('early written 3', error));
  await new Promise((r) => early.on('close', r));

  const late = net.connect(server.address().port, '127.0.0.1');
  await once(late, 'connect');
  late.on('error', (error) => log('late', error));
  late.end();
  late.write('x', (error) => log('late written', error));
  await new Promise((r) => late.on('close', r));
  server.close();
});

sameAsNode('pending writes of a destroyed socket', {}, async ({ net, log }) => {
  const server = await listen(net, {}, (socket) => client.on('close', () => socket.destroy()));
  const client = net.connect(server.address().port, '127.0.0.1');
  const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
  client.on('error', (error) => log('error', error));
  log(client.write(Buffer.alloc(16 * 1024 * 1024), (error) => log('first', error)));
  log(client.write('second', (error) => log('second', error)));
  // Some of it has left; the rest finds no room, as this side reads no more than it buffers.
  await once(accepted, 'readable');
  client.destroy();
  await new Promise((r) => client.on('close', (hadError) => r(log('close', hadError))));
  server.close();
  await once(server, 'close');
});

sameAsNode('pipe, pipeline, async iteration and web streams', {}, async ({ net, log }) => {
  const server = await listen(net, {}, (socket) => socket.pipe(socket));
  const connect = () => net.connect(server.address().port, '127.0.0.1');

  const piped = connect();
  Readable.from(['a', 'b', 'c']).pipe(piped);
  let text = '';
  for await (const chunk of piped.setEncoding('utf8')) text += chunk;
  log('pipe', text);

  const lined = connect();
  const parts = [];
  await pipeline(
    Readable.from([Buffer.alloc(100_000, 1), Buffer.alloc(100_000, 2)]),
    lined,
    new Writable({ write: (chunk, e, cb) => cb(null, parts.push(chunk)) }),
  );
  log('pipeline', Buffer.concat(parts).length, lined.destroyed);

  const web = Duplex.toWeb(connect());
  const writer = web.writable.getWriter();
  await writer.write(new TextEncoder().encode('web'));
  await writer.close();
  const chunks = [];
  for await (const chunk of web.readable) chunks.push(chunk);
  log('web', Buffer.concat(chunks).toString());
  server.close();
  await once(server, 'close');
});

sameAsNode('setEncoding cuts characters where they belong', {}, async ({ net, log }) => {
  const server = await listen(net, {}, (socket) => {
    const bytes = Buffer.from('€');
    socket.write(bytes.subarray(0, 1));
    // Nothing tells of a part of a character.
    const endOnceRead = () =>
      client.bytesRead === 1 ? socket.end(bytes.subarray(1)) : setImmediate(endOnceRead);
    endOnceRead();
  });
  const client = net.connect(server.address().port, '127.0.0.1').setEncoding('utf8');
  client.on('data', (text) => log(text));
  await new Promise((r) => client.on('close', r));
  log(client.bytesRead);
  server.close();
});

sameAsNode('pause() before the connection holds data', {}, async ({ net, log }) => {
  const server = await listen(net, {}, (socket) => socket.end('held'));
  const client = net.connect(server.address().port, '127.0.0.1').pause();
  client.on('data', (chunk) => log('data', chunk, client.isPaused()));
  const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
  if (!accepted.writableFinished) await once(accepted, 'finish');
  // It has arrived. A socket that did not hold it would read it in these.
  await loopTurns(2);
  log('resume', client.bytesRead);
  client.resume();
  await new Promise((r) => client.on('close', r));
  server.close();
});

sameAsNode('onread with one buffer and with a function', {}, async ({ net, log }) => {
  for (const buffer of [Buffer.alloc(4), () => Buffer.alloc(3)]) {
    const server = await listen(net, {}, (socket) => socket.end('abcdefgh'));
    let text = '';
    const client = net.connect({
      port: server.address().port,
      host: '127.0.0.1',
      onread: {
        buffer,
        callback(length, target) {
          text += target.toString('utf8', 0, length);
          log(length <= target.length, target === buffer);
          return true;
        },
      },
    });
    client.on('data', () => log('data'));
    client.on('end', () => log('end', text, client.bytesRead));
    await new Promise((r) => client.on('close', r));
    server.close();
  }
});

sameAsNode('onread returning false pauses', {}, async ({ net, log }) => {
  let accepted;
  const server = await listen(net, {}, (socket) => {
    accepted = socket;
    socket.write('abcd');
  });
  const client = net.connect({
    port: server.address().port,
    host: '127.0.0.1',
    onread: {
      buffer: Buffer.alloc(64),
      callback(length, target) {
        log(target.toString('utf8', 0, length));
        const resume = () => loopTurns(2).then(() => client.resume(log('resume')));
        // Not before: the two might come in one piece. Once it has arrived, a socket that did not pause would read it.
        if (accepted.writableEnded) resume();
        else accepted.end('efgh', resume);
        return false;
      },
    },
  });
  client.on('end', () => log('end'));
  await new Promise((r) => client.on('close', r));
  server.close();
});

sameAsNode(
  'onread: a buffer at a time, also after false, pause(), a throw and destroy()',
  {},
  async ({ net, log }) => {
    const server = await listen(net, {}, (socket) => socket.on('error', () => {}).end(Buffer.alloc(10_000)));
    const onUncaught = (error) => log('uncaught', error.message);
    const others = process.rawListeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', onUncaught);
    const actions = {
      false: (client) => setImmediate(() => client.resume(log('resume'))) && false,
      pause: (client) => void setImmediate(() => client.resume(log('resume')), client.pause()),
      throw: () => {
        throw new Error('thrown');
      },
      destroy: (client) => void client.destroy(),
    };
    for (const [name, action] of Object.entries(actions)) {
      let calls = 0;
      const client = net.connect({
        port: server.address().port,
        host: '127.0.0.1',
        onread: {
          buffer: Buffer.alloc(1000),
          callback(length) {
            log(name, length);
            return ++calls < 4 ? action(client) : true;
          },
        },
      });
      client.on('end', () => log(name, 'end'));
      await new Promise((r) => client.on('close', r));
      log(name, calls, client.bytesRead);
    }
    process.removeListener('uncaughtException', onUncaught);
    for (const listener of others) process.on('uncaughtException', listener);
    server.close();
  },
);

sameAsNode('onread: when buffers are asked for, and those that are none', {}, async ({ net, log }) => {
  const server = await listen(net, {}, (socket) => socket.on('error', () => {}).end('abcdef'));
  let made = 0;
  for (const buffer of [
    () => Buffer.alloc(log('made', ++made) ?? 4),
    () => (++made % 2 ? Buffer.alloc(4) : 'no buffer'),
    new DataView(new ArrayBuffer(4)),
    new Uint16Array(4),
    Buffer.alloc(0),
    null,
  ]) {
    const callback = (length, target) => log('callback', length, target === buffer);
    const client = net.connect({
      port: server.address().port,
      host: '127.0.0.1',
      onread: { buffer, callback },
    });
    client.on('connect', () => log('connect'));
    client.on('data', (data) => log('data', data));
    client.on('end', () => log('end'));
    client.on('error', (error) => log(error));
    await new Promise((r) => client.on('close', r));
  }
  server.close();
});

sameAsNode('timeout: idle, refreshed, turned off', {}, async ({ net, log }) => {
  const server = await listen(net, {}, (socket) => socket.resume());
  const client = net.connect({ port: server.address().port, host: '127.0.0.1', timeout: 30 });
  log(client.timeout);
  await once(client, 'timeout');
  log('timeout', client.destroyed);
  const listener = () => log('never');
  log(client.setTimeout(50, listener) === client, client.listenerCount('timeout'), client.timeout);
  client.setTimeout(0, listener);
  log(client.listenerCount('timeout'), client.timeout);
  client.destroy();
  log(client.setTimeout(5) === client, client.timeout);
  await new Promise((r) => client.on('close', r));
  server.close();
});

sameAsNode('signal destroys with an AbortError', {}, async ({ net, log, named }) => {
  const server = await listen(net, {}, (socket) => socket.on('error', () => {}));
  named(server.address().port, 'PORT');
  for (const when of ['before', 'connecting', 'connected']) {
    const controller = new AbortController();
    if (when === 'before') controller.abort();
    const client = net.connect({ port: server.address().port, host: '127.0.0.1', signal: controller.signal });
    client.on('error', (error) => log(when, error.name, error.code, error.message));
    client.on('connect', () => when === 'connected' && controller.abort());
    if (when === 'connecting') controller.abort();
    await new Promise((r) => client.on('close', (hadError) => r(log('close', hadError))));
    // Node connects it all the same when it was aborted before.
    client.destroy();
  }
  server.close();
});

sameAsNode(
  'a signal that was aborted before does not leave the socket destroyed',
  {},
  async ({ net, log }) => {
    const server = await listen(net, {}, (socket) => socket.end());
    const signal = AbortSignal.abort();
    const idle = new net.Socket({ signal });
    const client = net.connect({ port: server.address().port, host: '127.0.0.1', timeout: 60_000, signal });
    for (const [name, socket] of Object.entries({ idle, client })) {
      log(name, state(socket), socket.writable);
      for (const event of ['connect', 'error', 'close']) socket.on(event, (value) => log(name, event, value));
    }
    await new Promise((r) => client.once('connect', r));
    log(client.destroyed, idle.destroyed);
    client.destroy();
    server.close();
    await once(server, 'close');
  },
);

// Earlier versions abort the process.
sameAsNode(
  'connect() to a path while connected to a port, and the other way round',
  { since: 24 },
  async ({ net, log, named, path, watch }) => {
    const onConnection = (socket) => socket.on('error', () => {}).resume();
    const tcp = net.createServer(onConnection).listen(0, '127.0.0.1');
    const unix = net.createServer(onConnection).listen(path('socket'));
    await Promise.all([once(tcp, 'listening'), once(unix, 'listening')]);
    const toPort = [named(tcp.address().port, 'PORT'), '127.0.0.1'];
    for (const [first, second] of [
      [toPort, [path('socket')]],
      [[path('socket')], toPort],
    ]) {
      for (const waits of [false, true]) {
        // Node throws into nobody's hands.
        if (first !== toPort && !waits) continue;
        const client = new net.Socket();
        watch('client', client, ['connectionAttempt', 'connectionAttemptFailed', 'connect', 'close']);
        client.connect(...first);
        if (waits) {
          await once(client, 'connect');
          named(client.localPort, 'LOCAL');
        }
        const failed = once(client, 'error');
        const closed = new Promise((r) => client.on('close', r));
        client.connect(...second);
        log(...(await failed));
        await closed;
      }
    }
    tcp.close();
    unix.close();
    await Promise.all([once(tcp, 'close'), once(unix, 'close')]);
  },
);

sameAsNode('a connection whose signal was aborted before is read', {}, async ({ net, log, path }) => {
  const server = net.createServer((socket) => socket.end('x')).listen(path('socket'));
  await once(server, 'listening');
  const client = net.connect({ path: path('socket'), signal: AbortSignal.abort() });
  client.on('error', (error) => log(error.code));
  await new Promise((r) => client.once('connect', r));
  // Nobody asks for the data, whose arrival shows in a counter only.
  while (client.bytesRead === 0) await new Promise(setImmediate);
  log(client.bytesRead, client.readable, client.readyState);
  client.destroy();
  server.close();
  await once(server, 'close');
});

for (const target of ['port', 'path']) {
  sameAsNode(
    `connect() by ${target} of a socket that is connected`,
    {},
    async ({ net, log, named, path, watch }) => {
      const server = net.createServer((socket) => socket.on('error', () => {}).resume());
      server.listen(target === 'port' ? { port: 0, host: '127.0.0.1' } : { path: path('socket') });
      await once(server, 'listening');
      const to = target === 'port' ? [server.address().port, '127.0.0.1'] : [path('socket')];
      named(to[0], 'TARGET');
      const client = new net.Socket();
      watch('client', client, ['connectionAttempt', 'connectionAttemptFailed', 'connect', 'error', 'close']);
      client.connect(...to);
      await Promise.all([once(server, 'connection'), once(client, 'connect')]);
      client.connect(...to);
      log(client.connecting, client.destroyed);
      await Promise.race([once(client, 'connect'), once(client, 'close')]).catch(() => {});
      server.getConnections((_, count) => log('connections', count));
      await new Promise((r) => setImmediate(r));
      client.destroy();
      // Nothing is left open.
      server.close();
      await once(server, 'close');
    },
  );
}
