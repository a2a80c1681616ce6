'use strict';

// Options that show in no property of a socket, only in the kernel.

const { once } = require('node:events');
const { socketOptions } = require('../../support/socket-options');
const { sameAsNode } = require('./side-by-side');

const optionsOf = (socket) => socketOptions(socket._handle.fd);

// A connected pair, made with these options.
async function connect(net, clientOptions = {}, serverOptions = {}, host = '127.0.0.1') {
  const server = net.createServer(serverOptions).listen(0, host);
  await once(server, 'listening');
  const client = net.connect({ port: server.address().port, host, ...clientOptions });
  const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
  server.close();
  return { client, accepted };
}

function end({ client, accepted }) {
  client.destroy();
  accepted.destroy();
}

sameAsNode('noDelay, keepAlive and keepAliveInitialDelay of a client', {}, async ({ net, log }) => {
  for (const options of [
    {},
    { noDelay: true },
    { keepAlive: true },
    { keepAlive: true, keepAliveInitialDelay: 5000 },
    { keepAlive: true, keepAliveInitialDelay: 5999 },
    { keepAlive: true, keepAliveInitialDelay: 999 },
    { keepAlive: true, keepAliveInitialDelay: -1 },
    { keepAlive: false, keepAliveInitialDelay: 5000 },
  ]) {
    const pair = await connect(net, options);
    log(options, optionsOf(pair.client));
    end(pair);
  }
});

sameAsNode('noDelay, keepAlive and keepAliveInitialDelay of a server', {}, async ({ net, log }) => {
  for (const options of [
    {},
    { noDelay: true },
    { keepAlive: true },
    { keepAlive: true, keepAliveInitialDelay: 7000 },
    { keepAlive: true, keepAliveInitialDelay: -1 },
  ]) {
    const pair = await connect(net, {}, options);
    log(options, optionsOf(pair.accepted));
    // What is set already is not set again.
    pair.accepted.setNoDelay(true).setKeepAlive(true, 9000);
    log(optionsOf(pair.accepted));
    end(pair);
  }
});

sameAsNode(
  'setNoDelay() and setKeepAlive() before, during and after the connection',
  {},
  async ({ net, log }) => {
    const calls = [
      (socket) => socket.setNoDelay(),
      (socket) => socket.setNoDelay(false),
      (socket) => socket.setNoDelay(1),
      (socket) => socket.setNoDelay(undefined),
      (socket) => socket.setKeepAlive(),
      (socket) => socket.setKeepAlive(true),
      (socket) => socket.setKeepAlive(true, 3000),
      (socket) => socket.setKeepAlive(1, 3500),
      (socket) => socket.setKeepAlive(true, 0),
      (socket) => socket.setKeepAlive(true, '4000'),
      (socket) => socket.setKeepAlive(true, 'x'),
      (socket) => socket.setKeepAlive(true, -5),
      (socket) => socket.setKeepAlive(false, 3000),
    ];
    for (const call of calls) {
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address();
      const before = new net.Socket();
      log(String(call), call(before) === before);
      before.connect(port, '127.0.0.1');
      await once(before, 'connect');
      log('before', optionsOf(before));
      const during = net.connect(port, '127.0.0.1');
      log(call(during) === during);
      await once(during, 'connect');
      log('during', optionsOf(during));
      const after = net.connect(port, '127.0.0.1');
      await once(after, 'connect');
      log(call(after) === after);
      log('after', optionsOf(after));
      for (const socket of [before, during, after]) {
        socket.destroy();
        log(call(socket) === socket);
      }
      server.close();
    }
  },
);

sameAsNode('a sequence of calls', {}, async ({ net, log }) => {
  const pair = await connect(net);
  for (const call of [
    (socket) => socket.setKeepAlive(true, 2000),
    (socket) => socket.setKeepAlive(true, 4000),
    (socket) => socket.setKeepAlive(false),
    (socket) => socket.setKeepAlive(true),
    (socket) => socket.setNoDelay(true),
    (socket) => socket.setNoDelay(false),
  ]) {
    call(pair.client);
    log(String(call), optionsOf(pair.client));
  }
  end(pair);
});

sameAsNode('interval and count of setKeepAlive()', { since: 26 }, async ({ net, log }) => {
  for (const args of [
    [true, 5000, 3000, 4],
    [true, 5000, 3999],
    [true, 5000, 0, 4],
    [true, 5000, undefined, 7],
    [true, 0, 3000, 4],
    [{ enable: true, initialDelay: 6000, interval: 2000, count: 3 }],
    [{ enable: true }],
    [{ enable: true, initialDelay: 6000 }],
    [{ enable: false, initialDelay: 6000 }],
    [{ initialDelay: 6000 }],
    [{}],
    [null, 5000],
  ]) {
    const pair = await connect(net);
    log(args, pair.client.setKeepAlive(...args) === pair.client, optionsOf(pair.client));
    end(pair);
    const socket = new net.Socket().setKeepAlive(...args);
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    socket.connect(server.address().port, '127.0.0.1');
    await once(socket, 'connect');
    log(optionsOf(socket));
    socket.destroy();
    server.close();
  }
});

sameAsNode('typeOfService', { since: 26 }, async ({ net, log, attempt }) => {
  for (const host of ['127.0.0.1', '::1']) {
    for (const typeOfService of [undefined, 0, 0x10, 0xb8, 255]) {
      const pair = await connect(net, { typeOfService }, {}, host);
      log(host, typeOfService, pair.client.getTypeOfService(), optionsOf(pair.client));
      log(
        pair.client.setTypeOfService(0x20) === pair.client,
        pair.client.getTypeOfService(),
        optionsOf(pair.client),
      );
      log(pair.accepted.getTypeOfService());
      for (const bad of [-1, 256, 1.5, '8', null, undefined, NaN, {}]) {
        attempt(String(bad), () => pair.client.setTypeOfService(bad));
        attempt(String(bad), () => new net.Socket({ typeOfService: bad }));
      }
      pair.client.destroy();
      attempt('destroyed', () => pair.client.setTypeOfService(8));
      log(pair.client.getTypeOfService());
      end(pair);
    }
  }
  const socket = new net.Socket();
  log(socket.getTypeOfService(), socket.setTypeOfService(8) === socket, socket.getTypeOfService());
});

sameAsNode('options on a UNIX socket do nothing', {}, async ({ net, log, path }) => {
  const server = net.createServer({ noDelay: true, keepAlive: true }).listen(path('socket'));
  await once(server, 'listening');
  const client = net.connect({ path: path('socket'), noDelay: true, keepAlive: true });
  const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
  log(client.setNoDelay() === client, client.setKeepAlive(true, 1000) === client);
  log(optionsOf(client), optionsOf(accepted));
  client.destroy();
  accepted.destroy();
  server.close();
});
