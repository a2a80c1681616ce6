'use strict';

const { once } = require('node:events');
const fs = require('node:fs');

const { sameAsNode } = require('./side-by-side');

async function listening(server, ...target) {
  await once(server.listen(...target), 'listening');
  return server;
}

const isOpen = (fd) => {
  try {
    fs.fstatSync(fd);
    return true;
  } catch {
    return false;
  }
};

for (const [kind, target] of [
  ['TCP', () => [0, '127.0.0.1']],
  ['UNIX', (path) => [path('s.sock')]],
]) {
  sameAsNode(`a ${kind} handle on a descriptor that is none`, {}, async ({ net, log, path }) => {
    const server = await listening(net.createServer(), ...target(path));
    const address = server.address();
    const socket = net.connect(address.port ?? address);
    await once(socket, 'connect');
    const Handle = socket._handle.constructor;
    for (const fd of [-1, -5, 2 ** 31 - 1]) log(fd, new Handle(0).open(fd));
    socket.destroy();
    server.close();
  });
}

sameAsNode('listen() on a descriptor that cannot listen leaves it open', {}, async ({ net, log }) => {
  const first = await listening(net.createServer(), 0, '127.0.0.1');
  const file = fs.openSync(__filename);
  for (const [what, fd] of [
    ['a file', file],
    ['what another server listens on', first._handle.fd],
    ['nothing', 2 ** 31 - 1],
  ]) {
    const server = net.createServer();
    server.listen({ fd });
    const [error] = await once(server, 'error');
    log(what, error, server.listening, isOpen(fd));
    await new Promise((resolve) => setImmediate(resolve));
    log('later', isOpen(fd));
  }
  const client = net.connect(first.address().port, '127.0.0.1');
  await once(client, 'connect');
  log('the first server accepts');
  client.destroy();
  fs.closeSync(file);
  first.close();
});
