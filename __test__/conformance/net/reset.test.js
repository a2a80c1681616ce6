'use strict';

const { once } = require('node:events');

const { sameAsNode } = require('./side-by-side');

// More than any kernel buffers.
const LARGE = Buffer.alloc(32 << 20, 'x');

for (const [kind, target] of [
  ['TCP', () => [0, '127.0.0.1']],
  // A UNIX socket that is closed with unread bytes in it resets its peer.
  ['UNIX', (path) => [path('s.sock')]],
]) {
  for (const reads of [true, false]) {
    const name = `a ${kind} peer that resets during a write, of a client that ${reads ? 'reads' : 'is paused'}`;
    sameAsNode(name, {}, async ({ net, log, path }) => {
      const server = net.createServer({ pauseOnConnect: true });
      await once(server.listen(...target(path)), 'listening');
      const address = server.address();
      const client = net.connect(address.port ?? address);
      const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
      if (reads) client.resume();
      else client.pause();
      const written = new Promise((resolve) => client.write(LARGE, resolve));
      client.write('behind it', (error) => log('behind it', error));
      const closed = new Promise((resolve) => client.on('close', resolve));
      client.on('error', (error) => log('error', error));
      // The kernel has taken what it takes.
      await new Promise((resolve) => setImmediate(resolve));
      if (kind === 'TCP') accepted.resetAndDestroy();
      else accepted.destroy();
      log('written', await written);
      log('close', await closed, client.destroyed);
      server.close();
      await once(server, 'close');
    });
  }
}
