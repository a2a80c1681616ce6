'use strict';

// What libuv tells from its pending queue, before the loop looks for I/O or right behind it, and so ahead of setImmediate:
// that the writing side has ended, and that a connection is refused which the kernel refuses at once.

const { once } = require('node:events');
const fs = require('node:fs');

const { sameAsNode } = require('./side-by-side');

const HOST = '127.0.0.1';

// Calls `begin` from that phase of the loop.
const phases = {
  'a timer': (begin) => setTimeout(begin, 1),
  setImmediate: (begin) => setImmediate(begin),
  'I/O of a file': (begin) => fs.stat('/', begin),
  'I/O of a socket': (begin, { client, accepted }) => {
    client.once('data', begin);
    accepted.write('begin');
  },
  "'close'": (begin, { net, port }) => {
    const other = net.connect(port, HOST, () => other.destroy());
    other.on('close', begin);
  },
};

for (const [phase, call] of Object.entries(phases)) {
  const from = (title, begin) =>
    sameAsNode(`${title}, from ${phase}`, {}, async (recorder) => {
      const { net } = recorder;
      const sockets = [];
      const server = net.createServer({ allowHalfOpen: true }, (socket) => sockets.push(socket));
      await once(server.listen(0, HOST), 'listening');
      const port = recorder.named(server.address().port, 'PORT');
      const client = net.connect({ port, host: HOST, allowHalfOpen: true });
      await Promise.all([once(server, 'connection'), once(client, 'connect')]);
      const setting = { ...recorder, port, client, accepted: sockets[0] };
      await new Promise((resolve) => call(() => resolve(begin(setting)), setting));
      for (const socket of [client, ...sockets]) socket.destroy();
      server.close();
      await once(server, 'close');
    });

  from('end() while data waits', async ({ log, watch, client, accepted }) => {
    setImmediate(log, 'immediate');
    watch('client', client, ['data', 'finish']);
    accepted.write('x');
    client.write('y');
    client.end(() => process.nextTick(log, 'tick of end'));
    accepted.end();
    await once(client, 'finish');
    await new Promise((resolve) => setImmediate(resolve));
  });

  from('two ends', async ({ log, client, accepted }) => {
    setImmediate(log, 'immediate');
    for (const [label, socket] of Object.entries({ client, accepted })) {
      socket.end(() => {
        log(label, 'ended');
        process.nextTick(log, label, 'tick');
      });
    }
    await Promise.all([once(client, 'finish'), once(accepted, 'finish')]);
    await new Promise((resolve) => setImmediate(resolve));
  });

  from('a connection that is refused', async ({ net, log, path, watch, client, accepted }) => {
    setImmediate(log, 'immediate');
    watch('client', client, ['data']);
    accepted.write('x');
    const socket = net.connect(path('nowhere.sock'));
    watch('socket', socket, ['error', 'close']);
    await new Promise((resolve) => socket.on('close', () => setImmediate(resolve)));
  });
}
