'use strict';

// `connection.connection.stream`, and the signal of connect: hanging up from below. What the socket itself has.

const fs = require('node:fs');
const net = require('node:net');
const { once } = require('node:events');

const { next, sideBySide, sideBySideAlone } = require('./side-by-side');
const { brokers } = require('../../support/brokers');
const { withPeer } = require('../../support/scripted-peer');

const describe = ({ destroyed, readable, writable, connecting }) => ({
  destroyed,
  readable,
  writable,
  connecting,
});

async function openWatched(scenario, options) {
  const connection = await scenario.connect(options);
  const channel = await connection.createChannel();
  scenario.watch('channel', channel, ['error', 'close']);
  scenario.watch('connection', connection, ['error', 'close']);
  return connection;
}

sideBySide('the stream says where it leads', async (scenario) => {
  const connection = await scenario.connect();
  const { stream } = connection.connection;
  scenario.write(describe(stream), stream.remoteAddress, stream.remoteFamily, stream.localAddress);
  scenario.write(stream.remotePort === Number(new URL(scenario.url).port), typeof stream.address().port);
  await connection.close();
});

// What RabbitMQ does about a client that ends in the middle is a matter of time: it may answer with a reset.
const embedded = brokers.filter(({ name }) => name !== 'RabbitMQ');

for (const [name, hangUp, on] of [
  ['ends the stream', (stream) => stream.end(), embedded],
  ['destroys the stream with an error', (stream) => stream.destroy(new Error('mine')), brokers],
]) {
  const run = async (scenario) => {
    const connection = await openWatched(scenario);
    const { stream } = connection.connection;
    const closed = Promise.all([next(connection, 'close'), next(stream, 'close')]);
    stream.on('error', () => {});
    scenario.write(hangUp(stream) === stream, describe(stream));
    const [, hadError] = await closed;
    scenario.write('stream', 'close', hadError, describe(stream));
    await scenario.outcome('channel', () => connection.createChannel());
  };
  sideBySide(`who ${name} loses the connection`, run, on);
}

sideBySide('a signal ends an open connection', async (scenario) => {
  const controller = new AbortController();
  const connection = await openWatched(scenario, { signal: controller.signal });
  const closed = next(connection, 'close');
  controller.abort(new Error('mine'));
  await closed;
});

sideBySideAlone('a signal ends an attempt that gets no answer', async (scenario) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const controller = new AbortController();
  const sockets = [];
  server.on('connection', (socket) => {
    sockets.push(socket.on('error', () => {}));
    socket.once('data', () => controller.abort(new Error('mine')));
  });
  const url = `amqp://127.0.0.1:${server.address().port}`;
  await scenario.outcome('connect', () => scenario.library.connect(url, { signal: controller.signal }));
  for (const socket of sockets) socket.destroy();
  server.close();
});

for (const [what, end] of [
  ['ends', (socket) => socket.end()],
  ['resets', (socket) => socket.resetAndDestroy()],
]) {
  sideBySideAlone(`a peer that ${what} is seen on the stream`, (scenario) => seesEnd(scenario, end));
}

async function seesEnd(scenario, end) {
  await withPeer(async (url, accept) => {
    const connecting = scenario.library.connect(url);
    const peer = await accept();
    const connection = await connecting;
    scenario.watch('connection', connection, ['error', 'close']);
    const { stream } = connection.connection;
    scenario.watch('stream', stream, ['error', 'end', 'close']);
    const closed = next(stream, 'close');
    end(peer.socket);
    await closed;
    scenario.write(describe(stream));
  });
}

sideBySideAlone('a stream that is looked at first when all is over', async (scenario) => {
  await withPeer(async (url, accept) => {
    const connecting = scenario.library.connect(url);
    const peer = await accept();
    const connection = await connecting;
    const closed = next(peer.socket, 'close');
    await connection.close();
    await closed;
    // The end that is seen at the other side is not seen yet at this one.
    while (!connection.connection.stream.destroyed) await new Promise(setImmediate);
    scenario.write(describe(connection.connection.stream));
  });
});

/**
 * Which timer the kernel runs for the socket at a peer's other end, as /proc/net/tcp has it (02 is keep-alive), and whether it
 * is due within five seconds.
 */
function kernelTimer({ remotePort, localPort }) {
  const [own, others] = [remotePort, localPort].map(
    (port) => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`,
  );
  const lines = fs.readFileSync('/proc/net/tcp', 'utf8').split('\n');
  // The established one: the same ports may have been used before.
  const isOurs = ([, local, remote, state]) => local === own && remote === others && state === '01';
  const fields = lines.map((line) => line.trim().split(/\s+/)).find(isOurs);
  const [kind, due] = fields[5].split(':');
  return { kind, isSoon: Number.parseInt(due, 16) <= 500 };
}

if (process.platform === 'linux') {
  sideBySideAlone('keepAlive is set on the socket', async (scenario) => {
    await withPeer(async (url, accept) => {
      for (const options of [{}, { keepAlive: true, keepAliveDelay: 5000 }, { keepAlive: true }]) {
        const connecting = scenario.library.connect(url, options);
        const peer = await accept();
        const connection = await connecting;
        // Nothing is on its way any more: the only timer left is that of keep-alive.
        while (kernelTimer(peer.socket).kind === '01') await new Promise(setImmediate);
        scenario.write(options, kernelTimer(peer.socket));
        await connection.close();
      }
    });
  });
}
