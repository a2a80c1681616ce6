'use strict';

// 'close' comes in the loop's closing phase, behind what waits for setImmediate, also of what never had a stream.

const { once } = require('node:events');
const { setTimeout: phaseOfTimers } = require('node:timers/promises');

const { sameAsNode } = require('./side-by-side');

const HOST = '127.0.0.1';

// Each begins something that closes by itself, or is closed here; `later` has setImmediate called.
const beginnings = {
  'destroyed while it looks up its host': (net, { port, later }) => {
    const socket = net.connect(port, 'localhost').destroy();
    later();
    return socket;
  },
  'destroyed by its lookup event': (net, { port, later }) => {
    const lookup = (host, options, done) => setImmediate(done, null, HOST, 4);
    const socket = net.connect({ port, host: 'somewhere', lookup });
    socket.on('lookup', () => later(socket.destroy()));
    return socket;
  },
  'whose host is not found': (net, { port, later }) => {
    const lookup = (host, options, done) => setImmediate(() => later(done(new Error('mine'))));
    return net.connect({ port, host: 'nowhere', lookup });
  },
  'destroyed while it connects': (net, { port, later }) => {
    const socket = net.connect(port, HOST).destroy();
    later();
    return socket;
  },
  'whose own port is in use': (net, { port }) => net.connect({ port, host: HOST, localPort: port }),
  'whose path is not there': (net, { path }) => net.connect(path),
  'that listens where somebody listens': (net, { port }) => {
    const server = net.createServer().listen(port, HOST);
    server.on('error', () => server.close());
    return server;
  },
  'that stops listening while it looks up its host': (net) =>
    net.createServer().listen(0, 'localhost').close(),
};

for (const [name, begin] of Object.entries(beginnings)) {
  sameAsNode(`a socket or server ${name}`, {}, async (recorder) => {
    const { net, log, watch } = recorder;
    const server = net.createServer((socket) => socket.destroy()).listen(0, HOST);
    await once(server, 'listening');
    const port = recorder.named(server.address().port, 'PORT');
    // Both from the same phase of the loop.
    await phaseOfTimers();
    const later = () => setImmediate(log, 'immediate');
    const closing = begin(net, { port, later, path: recorder.path('nowhere.sock') });
    later();
    watch('it', closing, ['error', 'close']);
    closing.on('error', later);
    await new Promise((resolve) => closing.on('close', () => setImmediate(resolve)));
    server.close();
    await once(server, 'close');
  });
}
