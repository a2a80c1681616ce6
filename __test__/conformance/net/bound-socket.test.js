'use strict';

const { once } = require('node:events');
const fs = require('node:fs');
const { sameAsNode } = require('./side-by-side');

// Node 24 backports it in the course of its life; what is compared is Node 26's.
const since = 26;

sameAsNode(
  'BoundSocket: options and what it refuses',
  { since },
  async ({ net, log, attempt, path, named }) => {
    for (const options of [
      undefined,
      null,
      {},
      1,
      'x',
      { port: -1 },
      { port: 'x' },
      { port: '0' },
      { host: 1 },
      { host: 'localhost' },
      { host: '::1', ipv6Only: true },
      { ipv6Only: 1 },
      { reusePort: 1 },
      { reusePort: true },
      { path: path('socket') },
      { path: 1 },
      { path: '' },
      { path: 'x', port: 1 },
      { path: path('missing/socket') },
      { host: '198.51.100.1' },
    ]) {
      attempt(JSON.stringify(options), () => {
        const bound = new net.BoundSocket(options);
        const address = bound.address();
        if (address.port) named(address.port, 'PORT');
        log(address, bound.isPipe, typeof bound.fd());
        bound.close();
        attempt('close twice', () => bound.close());
        bound[Symbol.dispose]();
      });
    }
    log(fs.existsSync(path('socket')));
  },
);

sameAsNode(
  'BoundSocket: adopted by a server and by a socket, once',
  { since },
  async ({ net, log, attempt, named, path }) => {
    const forServer = new net.BoundSocket({ host: '127.0.0.1' });
    const { port } = forServer.address();
    named(port, 'PORT');
    attempt('bound twice', () => new net.BoundSocket({ host: '127.0.0.1', port }));
    const server = net.createServer((socket) => socket.end('hi')).listen(forServer);
    await once(server, 'listening');
    log(server.address());
    attempt('fd', () => forServer.fd());
    attempt('again', () => net.createServer().listen({ handle: forServer }));

    const forClient = new net.BoundSocket({ host: '127.0.0.1' });
    const local = forClient.address().port;
    const client = net.connect({ port, host: '127.0.0.1', handle: forClient });
    log(client.connecting, client.readyState);
    client.on('connect', () => log('connect', client.localPort === local));
    client.on('data', (chunk) => log(chunk));
    attempt('again', () => new net.Socket({ handle: forClient }));
    await new Promise((resolve) => client.on('close', resolve));
    server.close();

    const unix = net.createServer().listen(new net.BoundSocket({ path: path('socket') }));
    await once(unix, 'listening');
    log(unix.address());
    unix.close();
    log(fs.existsSync(path('socket')));
  },
);

sameAsNode('BoundSocket: a socket that ends before it is connected', { since }, async ({ net, watch }) => {
  const socket = new net.Socket({ handle: new net.BoundSocket({ host: '127.0.0.1' }) });
  watch('socket', socket, ['prefinish', 'finish', 'end', 'error', 'close']);
  socket.resume().end();
  await once(socket, 'finish');
  socket.destroy();
  await once(socket, 'close');
});
