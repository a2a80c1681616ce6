'use strict';

const { once } = require('node:events');
const { startPartner } = require('../harness/partner');
const { mainThreadCpu } = require('../harness/thread-cpu');
const { createSecureServer, secure } = require('../harness/tls-echo');

const CHUNK = Buffer.alloc(64 << 10, 'x');
const WARM_UP = 16 << 20;
const BYTES = 192 << 20;

/** Sends so many bytes and waits until all of them are back. */
function roundTrip(socket, bytes) {
  return new Promise((resolve) => {
    let received = 0;
    let sent = 0;
    const push = () => {
      while (sent < bytes) {
        sent += CHUNK.length;
        if (!socket.write(CHUNK)) return;
      }
    };
    socket.on('drain', push);
    socket.on('data', function onData(data) {
      received += data.length;
      if (received < bytes) return;
      socket.off('data', onData);
      socket.off('drain', push);
      resolve();
    });
    push();
  });
}

async function connected(net, end, { child, context }) {
  if (end === 'client') {
    const socket = secure(net.connect(context.port, '127.0.0.1'));
    await once(socket, 'secureConnect');
    return { socket, close: () => socket.destroy() };
  }
  const server = createSecureServer(net, (socket) => server.emit('secure', socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  child.send(server.address().port);
  const [socket] = await once(server, 'secure');
  return { socket, close: () => server.close(socket.destroy()) };
}

module.exports = {
  question: 'What does TLS of Node cost on a socket, as the client and as the server?',
  contenders: { oxipc: 'oxipc/net', node: 'node:net' },
  variants: { client: { end: 'client' }, server: { end: 'server' } },
  metrics: {
    rate: { unit: 'MB/s, each way', better: 'higher' },
    CPU: { unit: 'ms per GB, this end', better: 'lower' },
  },
  async measure(net, { end }) {
    const partner = await startPartner('tls-echo.js', end === 'client' ? 'server' : 'client');
    const { socket, close } = await connected(net, end, partner);
    await roundTrip(socket, WARM_UP);
    const start = process.hrtime.bigint();
    const before = mainThreadCpu();
    await roundTrip(socket, BYTES);
    const cpu = mainThreadCpu() - before;
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    close();
    await partner.close();
    return { rate: BYTES / 1e6 / seconds, CPU: cpu / 1e3 / (BYTES / 1e9) };
  },
};
