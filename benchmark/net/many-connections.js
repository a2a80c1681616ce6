'use strict';

const { once } = require('node:events');
const { startPartner } = require('../harness/partner');
const { mainThreadCpu } = require('../harness/thread-cpu');

const CONNECTIONS = 1_000;
const OPENED_AT_ONCE = 100;
const WARM_UP = 20_000;
const ROUND_TRIPS = 100_000;
const message = Buffer.alloc(64, 'x');

async function open(net, target) {
  const sockets = [];
  while (sockets.length < CONNECTIONS) {
    const some = Array.from({ length: OPENED_AT_ONCE }, () => net.connect(target));
    // An answer, since connect() on a UNIX socket is done before accept(): the server's backlog would fill up.
    await Promise.all(some.map((socket) => socket.write(message) && once(socket, 'readable')));
    for (const socket of some) socket.read();
    sockets.push(...some);
  }
  return sockets;
}

// Every connection has one message on its way.
function echo(sockets, count) {
  return new Promise((resolve) => {
    let left = count;
    let waiting = sockets.length;
    for (const socket of sockets) {
      let received = 0;
      socket.on('data', function onData(data) {
        received += data.length;
        if (received < message.length) return;
        received = 0;
        if (left-- > 0) {
          socket.write(message);
          return;
        }
        socket.off('data', onData);
        if (--waiting === 0) resolve();
      });
      socket.write(message);
    }
  });
}

module.exports = {
  question:
    'How many 64-byte round trips do 1,000 connections make together, and what does one cost both ends?',
  contenders: { oxipc: 'oxipc/net', node: 'node:net' },
  variants: { UNIX: { unix: true }, TCP: { unix: false } },
  metrics: {
    'round trips': { unit: 'per s', better: 'higher' },
    CPU: { unit: 'µs per round trip, both ends', better: 'lower' },
  },
  async measure(net, { unix }) {
    const name = net === require('node:net') ? 'node:net' : require.resolve('oxipc/net');
    const { child, context, close } = await startPartner('net-server.js', name, 'echo');
    const serverCpu = async () => {
      child.send('cpu');
      return (await once(child, 'message'))[0].cpu;
    };
    const sockets = await open(net, unix ? context.socketPath : { port: context.port, host: '127.0.0.1' });
    await echo(sockets, WARM_UP);
    const before = mainThreadCpu() + (await serverCpu());
    const start = process.hrtime.bigint();
    await echo(sockets, ROUND_TRIPS);
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const cpu = mainThreadCpu() + (await serverCpu()) - before;
    for (const socket of sockets) socket.destroy();
    await close();
    // Those under way when the last was counted have been echoed as well.
    const total = ROUND_TRIPS + CONNECTIONS;
    return { 'round trips': total / seconds, CPU: cpu / total };
  },
};
