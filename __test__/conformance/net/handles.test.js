'use strict';

// What lies behind sockets and servers, as far as programs use it.

const { once } = require('node:events');
const fs = require('node:fs');
const { sameAsNode } = require('./side-by-side');

const closed = (socket) => new Promise((resolve) => socket.once('close', resolve));

sameAsNode('_createServerHandle', {}, async ({ net, log, named, path }) => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address();
  named(port, 'PORT');
  for (const args of [
    ['127.0.0.1', 0, 4],
    ['::1', 0, 6],
    ['::1', 0],
    [null, 0, 4],
    ['198.51.100.1', 0, 4],
    ['127.0.0.1', port, 4],
    [path('socket'), -1, -1],
    [path('missing/socket'), -1, -1],
    [null, null, null, 9999],
  ]) {
    const handle = net._createServerHandle(...args);
    const isHandle = typeof handle === 'object';
    log(isHandle ? [handle.constructor.name, handle.fd > 2] : handle);
    if (!isHandle) continue;
    const out = {};
    if (handle.getsockname) log(handle.getsockname(out), out.address, out.family, typeof out.port);
    log(handle.hasRef());
    handle.close();
  }
  log(fs.existsSync(path('socket')));
  const server = net
    .createServer((socket) => socket.end('served'))
    .listen({
      _handle: net._createServerHandle('127.0.0.1', 0, 4),
    });
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  log((await once(client, 'data'))[0]);
  server.close();
  taken.close();
});

sameAsNode('_handle of a connected socket', {}, async ({ net, log, path }) => {
  for (const target of [{ port: 0, host: '127.0.0.1' }, { path: path('socket') }]) {
    const server = net.createServer().listen(target);
    await once(server, 'listening');
    const address = server.address();
    const client = net.connect(address.port ?? address);
    const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
    for (const { _handle: handle } of [client, accepted, server]) {
      const members = ['close', 'ref', 'unref', 'hasRef', 'getAsyncId', 'listen', 'readStart', 'readStop'];
      log(
        handle.constructor.name,
        members.map((name) => typeof handle[name]),
        typeof handle.fd,
      );
      log(
        handle.getAsyncId() > 0,
        handle.hasRef(),
        handle.unref(),
        handle.hasRef(),
        handle.ref(),
        handle.hasRef(),
      );
    }
    const { _handle: handle } = client;
    log(handle.reading, handle.bytesRead, handle.bytesWritten, handle.writeQueueSize);
    if (handle.getsockname) {
      const [local, remote] = [{}, {}];
      log(handle.getsockname(local), local.port === client.localPort, local.address, local.family);
      log(handle.getpeername(remote), remote.port === address.port, remote.address, remote.family);
    }
    // Reading stops and starts behind the stream's back.
    handle.readStop();
    accepted.write('x');
    handle.readStart();
    log((await once(client, 'data'))[0], handle.bytesRead);
    client.destroy();
    accepted.destroy();
    log(client._handle, handle.fd);
    server.close();
    log(server._handle);
  }
});

sameAsNode('resetAndDestroy() of a UNIX socket', {}, async ({ net, log, attempt, path }) => {
  const server = net.createServer().listen(path('socket'));
  await once(server, 'listening');
  const connecting = net.connect(path('socket'));
  attempt('connecting', () => connecting.resetAndDestroy());
  await once(connecting, 'connect');
  attempt('connected', () => connecting.resetAndDestroy());
  log(connecting.destroyed);
  connecting.destroy();
  server.close();
});

sameAsNode('[Symbol.asyncDispose]() of a socket', {}, async ({ net, log, watch }) => {
  const server = net.createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const open = watch('open', net.connect(server.address().port, '127.0.0.1'), ['close', 'error', 'end']);
  await once(open, 'connect');
  log(typeof open[Symbol.asyncDispose]);
  const disposed = open[Symbol.asyncDispose]().then(
    (value) => log('open', 'resolved', value),
    (error) => log('open', 'rejected', error),
  );
  await Promise.all([disposed, closed(open)]);
  log(open.destroyed);
  await open[Symbol.asyncDispose]().then(
    () => log('again', 'resolved'),
    (error) => log('again', 'rejected', error),
  );

  // What has ended both ways needs no error.
  const ended = watch('ended', net.connect(server.address().port, '127.0.0.1'), ['close', 'error', 'end']);
  ended.resume().end();
  await closed(ended);
  await ended[Symbol.asyncDispose]().then(
    () => log('ended', 'resolved'),
    (error) => log('ended', 'rejected', error),
  );

  const connecting = watch('connecting', net.connect(server.address().port, '127.0.0.1'), ['close', 'error']);
  await Promise.all([
    connecting[Symbol.asyncDispose]().then(
      () => log('connecting', 'resolved'),
      (error) => log('connecting', 'rejected', error),
    ),
    closed(connecting),
  ]);
  server.close();
});

sameAsNode('an abstract name has no file to widen', {}, async ({ net, attempt }) => {
  for (const options of [{ readableAll: true }, { writableAll: true }]) {
    attempt(JSON.stringify(options), () =>
      net.createServer().listen({ path: `\0handles-${process.pid}`, ...options }),
    );
  }
});

sameAsNode('readable and writable of a client', {}, async ({ net, log, watch }) => {
  for (const options of [{ readable: false }, { writable: false }, { readable: true, writable: true }]) {
    let received = '';
    const server = net.createServer((socket) => {
      socket.on('error', () => {}).on('data', (chunk) => (received += chunk));
      socket.end('from the server');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = net.connect({ port: server.address().port, host: '127.0.0.1', ...options });
    watch('client', client, ['connect', 'data', 'end', 'finish', 'close', 'error']);
    log(client.readable, client.writable, client.readyState);
    await once(client, 'connect');
    log(client.readable, client.writable, client.readyState);
    if (options.writable !== false) client.end('from the client');
    await Promise.race([closed(client), new Promise((resolve) => client.once('end', resolve))]);
    client.destroy();
    server.close();
    await once(server, 'close');
    log('server', received);
  }
});
