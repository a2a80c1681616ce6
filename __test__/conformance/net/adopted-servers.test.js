'use strict';

// `server._handle`, and sockets and servers that go to children of Node's child_process.

const nodesChildProcess = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { promisify } = require('node:util');

const { sameAsNode } = require('./side-by-side');

const RECEIVER = path.join(__dirname, 'programs', 'receiver.js');
const TARGETS = { TCP: () => ({ port: 0, host: '127.0.0.1' }), UNIX: (path) => ({ path: path('socket') }) };

const closed = (emitter) => new Promise((resolve) => emitter.once('close', resolve));
const nameOf = (handle) => handle?.constructor.name;

function overBoth(name, scenario) {
  for (const [kind, targetOf] of Object.entries(TARGETS)) {
    sameAsNode(`${name} (${kind})`, {}, (context) => {
      const target = targetOf(context.path);
      const connect = (server) => {
        const { port } = server.address();
        return context.net.connect(port ? { port, host: '127.0.0.1' } : target);
      };
      return scenario({ ...context, target, connect });
    });
  }
}

async function answer(socket) {
  const [data] = await once(socket, 'data');
  return String(data);
}

const MOMENTS = {
  'before listen()': (server, read) => read(),
  'right after listen()': (server, read) => process.nextTick(read),
  'when listening': (server, read) => server.on('listening', read),
  'with a connection': (server, read) => server.on('connection', read),
  'when closed': (server, read) => server.on('close', read),
};

for (const [moment, arrange] of Object.entries(MOMENTS)) {
  overBoth(`a server, _handle read ${moment}`, async ({ net, log, target, connect }) => {
    const server = net.createServer((socket) => {
      log(socket instanceof net.Socket, socket.constructor === net.Socket, socket.server === server);
      socket.end(`served ${socket.remoteAddress} ${typeof socket.remotePort}`);
    });
    arrange(server, () => {
      log(nameOf(server._handle), server.listening);
      if (server._handle) log(server._handle.fd > 2, server._handle.hasRef());
    });
    server.listen(target);
    await once(server, 'listening');
    log(typeof server.address());
    for (let round = 0; round < 3; round++) {
      const socket = connect(server);
      log(await answer(socket));
      await closed(socket);
    }
    server.close();
    await closed(server);
    log(server._handle, server.listening, target.path ? fs.existsSync(target.path) : null);
  });
}

overBoth(
  'settings of a server reach the sockets that it accepts afterwards',
  async ({ net, log, target, connect }) => {
    const options = {
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: true,
      keepAlive: true,
      highWaterMark: 100,
    };
    const server = net.createServer(options, (socket) => {
      log(socket.allowHalfOpen, socket.isPaused(), socket.readableHighWaterMark, socket._handle.reading);
      socket.resume().end('x');
    });
    server.listen(target);
    await once(server, 'listening');
    log(nameOf(server._handle));
    const socket = connect(server);
    socket.resume();
    await closed(socket);
    server.close();
  },
);

overBoth('connections that wait in the kernel', async ({ net, log, target, connect }) => {
  const server = net.createServer((socket) => socket.end('served')).listen(target);
  await once(server, 'listening');
  const sockets = Array.from({ length: 5 }, () => connect(server));
  log(nameOf(server._handle));
  log(await Promise.all(sockets.map(answer)));
  server.close();
});

overBoth('maxConnections and drop', async ({ net, log, target, connect }) => {
  const server = net.createServer(() => {}).listen(target);
  server.maxConnections = 1;
  await once(server, 'listening');
  log(nameOf(server._handle));
  const first = connect(server);
  await once(server, 'connection');
  const second = connect(server).on('error', () => {});
  const [data] = await once(server, 'drop');
  log(data && [data.localAddress, data.remoteFamily, typeof data.remotePort]);
  second.destroy();
  first.destroy();
  server.close();
});

overBoth('ref(), unref() and close() by the handle', async ({ net, log, target, connect }) => {
  const server = net.createServer().listen(target);
  await once(server, 'listening');
  server.unref();
  log(server._handle.hasRef());
  server._handle.ref();
  log(server._handle.hasRef(), server.unref() === server, server._handle.hasRef());
  await new Promise((resolve) => server._handle.close(resolve));
  log(server.listening);
  const socket = target.path ? net.connect(target) : null;
  if (socket) log((await once(socket, 'error'))[0].code);
});

sameAsNode('a server on the handle of another', {}, async ({ net, log }) => {
  const first = net.createServer((socket) => socket.end('first')).listen(0, '127.0.0.1');
  await once(first, 'listening');
  const second = net.createServer((socket) => socket.end('second'));
  second.listen(first._handle);
  await once(second, 'listening');
  log(second.address().port === first.address().port, second._handle === first._handle);
  log(await answer(net.connect(first.address().port, '127.0.0.1')));
  second.close();
});

async function receiver() {
  const child = nodesChildProcess.fork(RECEIVER);
  await once(child, 'message');
  return child;
}

for (const settings of [{}, { keepOpen: true }]) {
  overBoth(
    `a connection for a child of Node's ${JSON.stringify(settings)}`,
    async ({ net, log, target, connect }) => {
      const child = await receiver();
      // With keepOpen both processes have it, and only one is to read.
      const server = net.createServer({ pauseOnConnect: true }, (socket) => {
        log(
          'sent',
          child.send('socket', socket, settings, (error) => log('sent', error)),
        );
        log(socket._handle === null, server._connections);
      });
      server.listen(target);
      await once(server, 'listening');
      const client = connect(server);
      client.on('error', () => {});
      log(await answer(client));
      log('connections', await promisify(server.getConnections).call(server));
      client.end('thanks');
      log((await once(child, 'message'))[0]);
      child.disconnect();
      await once(child, 'exit');
      client.destroy();
      server.close();
    },
  );
}

overBoth("a client's socket for a child of Node's", async ({ net, log, target, connect }) => {
  const child = await receiver();
  const server = net.createServer((socket) => socket.on('error', () => {}));
  server.listen(target);
  await once(server, 'listening');
  const client = connect(server);
  const [accepted] = await once(server, 'connection');
  if (client.connecting) await once(client, 'connect');
  child.send('socket', client);
  log(client._handle, await answer(accepted));
  accepted.end('thanks');
  log((await once(child, 'message'))[0]);
  child.disconnect();
  await once(child, 'exit');
  server.close();
});

overBoth("a server for a child of Node's", async ({ net, log, target, connect }) => {
  const child = await receiver();
  const server = net.createServer((socket) => socket.end('by the parent'));
  server.listen(target);
  await once(server, 'listening');
  child.send('server', server);
  log((await once(child, 'message'))[0]);
  server.close();
  // Whether it is still there: of a UNIX socket the name has gone.
  if (!target.path) log(await answer(net.connect(child.port ?? (await portOf(child)), '127.0.0.1')));
  child.disconnect();
  await once(child, 'exit');
});

async function portOf(child) {
  child.send('address');
  const [{ port }] = await once(child, 'message');
  return port;
}

sameAsNode("a socket as stdio of a child of Node's", {}, async ({ net, log }) => {
  const server = net.createServer((socket) => {
    const child = nodesChildProcess.spawn('tr', ['a-z', 'A-Z'], { stdio: [socket, socket, 'inherit'] });
    child.on('exit', (code) => {
      log('exit', code);
      socket.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  client.end('shouted');
  log(await answer(client));
  await closed(client);
  server.close();
});
