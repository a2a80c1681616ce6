'use strict';

const { AsyncLocalStorage } = require('node:async_hooks');
const diagnostics = require('node:diagnostics_channel');
const dns = require('node:dns');
const events = require('node:events');

const { once } = events;
const fs = require('node:fs');
const { BlockList } = require('node:net');
const { loopTurns } = require('../../support/loop-turns');
const { sameAsNode } = require('./side-by-side');

const closed = (socket) => new Promise((resolve) => socket.once('close', resolve));

async function listen(net, options, onConnection) {
  const server = net.createServer(options, onConnection).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

sameAsNode('events of a server and its connections', {}, async ({ net, log, watch, named }) => {
  const server = watch('server', net.createServer(), ['listening', 'connection', 'close', 'error', 'drop']);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  named(server.address().port, 'PORT');
  const client = net.connect(server.address().port, '127.0.0.1');
  const [accepted] = await once(server, 'connection');
  named(client.localPort, 'CLIENT');
  log(
    accepted.server === server,
    accepted._server === server,
    accepted.remotePort,
    accepted.localPort,
    accepted.address(),
  );
  log(accepted.allowHalfOpen, accepted.connecting, accepted.pending, accepted.readyState, accepted.timeout);
  log(
    await new Promise((resolve) => log(server.getConnections((error, count) => resolve(count)) === server)),
  );
  server.close((error) => log('close callback', error));
  log(server.listening, server.address());
  client.resume();
  client.end();
  accepted.resume();
  await once(server, 'close');
  log(await new Promise((resolve) => server.getConnections((error, count) => resolve(count))));
});

// Node 20 takes 0 for no limit.
sameAsNode('maxConnections and drop', { since: 22 }, async ({ net, log, named }) => {
  const server = await listen(net, {});
  server.maxConnections = 1;
  const { port } = server.address();
  named(port, 'PORT');
  const first = net.connect(port, '127.0.0.1');
  await once(server, 'connection');
  const second = net
    .connect(port, '127.0.0.1')
    .resume()
    .on('error', () => {});
  const [data] = await once(server, 'drop');
  named(data.remotePort, 'SECOND');
  log(data);
  await closed(second);
  server.maxConnections = 0;
  const third = net
    .connect(port, '127.0.0.1')
    .resume()
    .on('error', () => {});
  await once(server, 'drop');
  await closed(third);
  first.destroy();
  server.close();
  await once(server, 'close');
});

sameAsNode('a dropped UNIX connection', { since: 22 }, async ({ net, log, path }) => {
  const server = net.createServer().listen(path('socket'));
  server.maxConnections = 0;
  await once(server, 'listening');
  const client = net.connect(path('socket')).resume();
  log(await once(server, 'drop'));
  await closed(client);
  server.close();
});

sameAsNode('blockList of a server', { since: 24 }, async ({ net, log }) => {
  const blockList = new BlockList();
  blockList.addAddress('127.0.0.2');
  const server = await listen(net, { blockList }, (socket) => log('connection', socket.remoteAddress));
  server.on('drop', () => log('drop'));
  for (const localAddress of ['127.0.0.2', '127.0.0.3']) {
    const client = net.connect({ port: server.address().port, host: '127.0.0.1', localAddress }).resume();
    client.on('error', (error) => log(error.code));
    if (localAddress === '127.0.0.3') server.once('connection', () => client.end());
    await closed(client);
  }
  server.close();
});

sameAsNode('pauseOnConnect', {}, async ({ net, log }) => {
  const server = await listen(net, { pauseOnConnect: true });
  const client = net.connect(server.address().port, '127.0.0.1');
  const sent = new Promise((resolve) => client.end('data', resolve));
  const [accepted] = await once(server, 'connection');
  accepted.on('data', (chunk) => log('data', chunk)).on('end', () => log('end'));
  await sent;
  await loopTurns(2);
  log(accepted.bytesRead, accepted.isPaused(), accepted.readableFlowing);
  accepted.resume();
  await closed(accepted);
  server.close();
});

sameAsNode('highWaterMark and allowHalfOpen reach the connections', {}, async ({ net, log }) => {
  for (const options of [{}, { highWaterMark: 1024, allowHalfOpen: true }, { highWaterMark: -1 }]) {
    const server = await listen(net, options);
    log(
      server.highWaterMark,
      server.allowHalfOpen,
      server.noDelay,
      server.keepAlive,
      server.keepAliveInitialDelay,
    );
    const client = net.connect(server.address().port, '127.0.0.1');
    const [accepted] = await once(server, 'connection');
    log(accepted.readableHighWaterMark, accepted.writableHighWaterMark, accepted.allowHalfOpen);
    client.destroy();
    accepted.destroy();
    server.close();
  }
});

sameAsNode('signal closes the server', {}, async ({ net, log }) => {
  const controller = new AbortController();
  const server = net.createServer().listen({ port: 0, signal: controller.signal });
  await once(server, 'listening');
  controller.abort();
  await once(server, 'close');
  log(server.listening);
  const late = net.createServer().listen({ port: 0, signal: controller.signal });
  await once(late, 'close');
  log(late.listening);
});

sameAsNode('close() before listening, and listening again', {}, async ({ net, log, watch }) => {
  const server = watch('server', net.createServer(), ['listening', 'close', 'error']);
  server.listen(0, '127.0.0.1');
  server.close();
  await once(server, 'close');
  server.listen(0);
  server.close();
  await once(server, 'close');
  for (let round = 0; round < 2; round++) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    await server[Symbol.asyncDispose]();
  }
  await server[Symbol.asyncDispose]();
  log(server.listening);
});

sameAsNode('listen() again while the host is being looked up', {}, async ({ net, log, watch }) => {
  const server = watch('server', net.createServer(), ['listening', 'close', 'error']);
  server.listen(0, '127.0.0.1', () => log('first'));
  server.listen(0, '127.0.0.2', () => log('second'));
  await once(server, 'listening');
  log(server.address().address);
  // Answered after those that were asked before.
  await new Promise((resolve) => dns.lookup('127.0.0.1', resolve));
  await new Promise((resolve) => setImmediate(resolve));
  server.close();
  await once(server, 'close');
});

sameAsNode('listen() with a backlog that is no number', {}, async ({ net, log, attempt }) => {
  for (const backlog of ['5', 'x', '', 1.5, -1, 1e20, true, {}, [3], 5n, Symbol('backlog'), Number.NaN]) {
    const server = net.createServer();
    attempt(String(typeof backlog), () => server.listen({ port: 0, backlog }));
    server.close();
  }
  const server = net.createServer().listen({ port: 0, host: '127.0.0.1', backlog: '5' });
  await once(server, 'listening');
  log(server.listening);
  server.close();
});

sameAsNode("what listen() leaves in the program's options", { since: 22 }, async ({ net, log }) => {
  for (const options of [
    { port: undefined },
    { port: null, exclusive: false },
    { port: 0, reusePort: true },
    { port: 0, reusePort: 1, ipv6Only: 1 },
  ]) {
    const server = net.createServer().listen(options);
    log(options, server.address()?.address);
    server.close();
    await once(server, 'close');
  }
});

sameAsNode('listen() on what a UNIX socket uses already', {}, async ({ net, log, path, attempt }) => {
  const server = net.createServer().listen(path('socket'));
  await once(server, 'listening');
  const client = net.connect(path('socket'));
  await once(client, 'connect');
  for (const target of [server, { handle: server._handle }, server._handle, client]) {
    const second = net.createServer();
    attempt('listen', () => second.listen(target) === second);
    const [error] = await once(second, 'error');
    log(error, second.listening, server.listening, client.readyState);
  }
  client.destroy();
  server.close();
  await once(server, 'close');
});

sameAsNode('captureRejections', {}, async ({ net, log }) => {
  events.captureRejections = true;
  const server = net.createServer();
  events.captureRejections = false;
  server.on('connection', async (socket) => {
    socket.on('error', (error) => log('socket', error.message));
    throw new Error('rejected');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1').resume();
  await closed(client);
  server.close();
});

// Later versions set these bits and no others, so that not even the owner can connect.
sameAsNode('options of a path beside a port', {}, async ({ net, log }) => {
  for (const options of [
    { readableAll: true, writableAll: true },
    // Names of ours stand under `oxipc` only.
    { mode: 'production', uid: 'www-data', gid: {}, takeOver: true },
    { mode: 0o600, uid: 33, gid: 33 },
  ]) {
    const server = net.createServer().listen({ port: 0, ...options });
    await once(server, 'listening');
    log(options, server.address().family);
    server.close();
  }
});

sameAsNode('readableAll and writableAll', { until: 20 }, async ({ net, log, path }) => {
  for (const [readableAll, writableAll] of [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ]) {
    const server = net.createServer().listen({ path: path('socket'), readableAll, writableAll });
    await once(server, 'listening');
    log((fs.statSync(path('socket')).mode & 0o777).toString(8));
    server.close();
    log(fs.existsSync(path('socket')));
  }
});

sameAsNode('reusePort lets two servers share a port', { since: 24 }, async ({ net, log }) => {
  const first = net.createServer().listen({ port: 0, host: '127.0.0.1', reusePort: true });
  await once(first, 'listening');
  const second = net
    .createServer()
    .listen({ port: first.address().port, host: '127.0.0.1', reusePort: true });
  await once(second, 'listening');
  log(first.address().port === second.address().port);
  first.close();
  second.close();
});

sameAsNode('diagnostics channels', {}, async ({ net, log }) => {
  const onClient = ({ socket }) => log('client', socket);
  const onServer = ({ socket }) => log('server', socket);
  diagnostics.subscribe('net.client.socket', onClient);
  diagnostics.subscribe('net.server.socket', onServer);
  const server = await listen(net, {}, (socket) => log('connection', socket));
  const client = net.connect(server.address().port, '127.0.0.1');
  const [accepted] = await once(server, 'connection');
  accepted.end();
  client.resume();
  await closed(client);
  diagnostics.unsubscribe('net.client.socket', onClient);
  diagnostics.unsubscribe('net.server.socket', onServer);
  server.close();
});

sameAsNode('diagnostics channel of a socket that connects itself', { since: 22 }, async ({ net, log }) => {
  const onClient = ({ socket }) => log('client', socket.connecting, socket.listenerCount('connect'));
  diagnostics.subscribe('net.client.socket', onClient);
  const server = await listen(net, {}, (socket) => socket.end());
  const client = new net.Socket();
  for (let round = 0; round < 2; round++) {
    client.connect(server.address().port, '127.0.0.1', () => log('connect'));
    await closed(client.resume());
  }
  diagnostics.unsubscribe('net.client.socket', onClient);
  server.close();
});

sameAsNode('TracingChannel net.server.listen', { since: 22 }, async ({ net, log, named, path }) => {
  const channel = diagnostics.tracingChannel('net.server.listen');
  const subscribers = Object.fromEntries(
    ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((name) => [
      name,
      ({ server, options, error }) => log(name, server, options && Object.keys(options), error),
    ]),
  );
  channel.subscribe(subscribers);
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  named(server.address().port, 'PORT');
  const second = net.createServer().listen(server.address().port, '127.0.0.1');
  await once(second, 'error');
  channel.unsubscribe(subscribers);
  server.close();
});

for (const [kind, place] of Object.entries({
  port: () => [0, '127.0.0.1'],
  path: (path) => [path('socket')],
})) {
  sameAsNode(
    `one connection comes a turn of the loop, though several wait (${kind})`,
    {},
    async ({ net, log, path }) => {
      const server = net.createServer().listen(...place(path));
      await once(server, 'listening');
      const clients = Array.from({ length: 4 }, () => net.connect(server.address().port ?? server.address()));
      let count = 0;
      await new Promise((resolve) => {
        server.on('connection', () => {
          log('connection', ++count);
          setImmediate(log, 'immediate', count);
          if (count === clients.length) setImmediate(resolve);
        });
      });
      for (const client of clients) client.destroy();
      server.close();
    },
  );
}

sameAsNode('AsyncLocalStorage follows the sockets', {}, async ({ net, log }) => {
  const storage = new AsyncLocalStorage();
  const server = storage.run('server', () =>
    net
      .createServer((socket) => {
        log('connection', storage.getStore());
        socket.on('data', (chunk) => {
          log('server data', storage.getStore());
          socket.end(chunk);
        });
      })
      .listen(0, '127.0.0.1'),
  );
  await once(server, 'listening');
  const clients = ['a', 'b'].map((name) =>
    storage.run(name, () => {
      const client = net.connect(server.address().port, '127.0.0.1', () => client.write(name));
      const seen = [];
      for (const event of ['connect', 'data', 'end', 'close'])
        client.on(event, () => seen.push(event, storage.getStore()));
      return closed(client).then(() => seen);
    }),
  );
  log(await Promise.all(clients));
  server.close();
});

sameAsNode('AsyncLocalStorage of a connection whose host is looked up', {}, async ({ net, log }) => {
  const storage = new AsyncLocalStorage();
  const server = net.createServer((socket) => socket.end('x')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  const found = (all) => (all ? [[{ address: '127.0.0.1', family: 4 }]] : ['127.0.0.1', 4]);
  const lookup = (host, { all }, done) =>
    setImmediate(() =>
      storage.run('lookup', done, host === 'somewhere' ? null : new Error(host), ...found(all)),
    );
  const begin = (options, act) =>
    storage.run('connect', () => {
      const socket = net.connect({ port, lookup, host: 'somewhere', ...options }).resume();
      const seen = [];
      for (const event of ['lookup', 'connect', 'data', 'end', 'error', 'close'])
        socket.on(event, () => seen.push(event, storage.getStore()));
      storage.run('later', act, socket);
      return new Promise((resolve) => socket.on('close', () => resolve(seen)));
    });
  for (const family of [0, 4]) {
    log(await begin({ family }, () => {}));
    log(await begin({ family, host: 'nowhere' }, () => {}));
    log(await begin({ family }, (socket) => socket.destroy()));
    log(await begin({ family }, (socket) => socket.on('lookup', () => socket.destroy())));
  }
  server.close();
});

sameAsNode('AsyncLocalStorage of a write that takes long is that of write()', {}, async ({ net, log }) => {
  const storage = new AsyncLocalStorage();
  const chunk = Buffer.alloc(16 * 1024 * 1024);
  let accepted;
  const server = await listen(net, {}, (socket) => (accepted = socket.pause().on('error', () => {})));
  for (const cut of [false, true]) {
    const client = storage.run('connect', () => net.connect(server.address().port, '127.0.0.1'));
    await Promise.all([once(client, 'connect'), once(server, 'connection')]);
    client.on('drain', () => log('drain', storage.getStore()));
    client.on('finish', () => log('finish', storage.getStore()));
    storage.run('write', () => client.write(chunk, () => log('written', storage.getStore())));
    storage.run('cork', () => client.cork());
    storage.run('second', () => client.write('x', () => log('written, too', storage.getStore())));
    storage.run('uncork', () => client.uncork());
    if (cut) client.destroy();
    else storage.run('end', () => client.end(() => log('ended', storage.getStore())));
    accepted.resume();
    await closed(client);
  }
  server.close();
});

sameAsNode('sockets on descriptors', {}, async ({ net, log }) => {
  const server = await listen(net, {}, (socket) => socket.end('x'));
  const { fd } = server._handle;
  log(typeof fd, fd > 2, server._handle.constructor.name);
  const client = net.connect(server.address().port, '127.0.0.1');
  await once(client, 'connect');
  log(client._handle.fd > 2, client._handle.constructor.name, client._handle.hasRef());
  client.unref();
  log(client._handle.hasRef());
  client.ref();
  client.resume();
  await closed(client);
  log(client._handle);
  server.close();
});

sameAsNode(
  'of the addresses of a host the first is taken that is not link-local',
  { since: 22 },
  async ({ net, log }) => {
    const { lookup } = dns;
    for (const hosts of [
      ['fe80::1', '127.0.0.1', '127.0.0.2'],
      ['127.0.0.2', 'fe80::1'],
      ['febf::1', '::1'],
      ['fe80::1'],
    ]) {
      dns.lookup = (host, options, callback) => {
        log(host, options);
        callback(
          null,
          hosts.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        );
      };
      const server = net.createServer().listen(0, 'some.test');
      const outcome = await new Promise((resolve) => {
        server.once('listening', () => resolve(server.address().address));
        server.once('error', ({ code, address }) => resolve([code, address]));
      });
      log(outcome);
      server.close();
    }
    dns.lookup = lookup;
  },
);
