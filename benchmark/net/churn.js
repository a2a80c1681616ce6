'use strict';

const { once } = require('node:events');
const { startPartner } = require('../harness/partner');
const { mainThreadCpu } = require('../harness/thread-cpu');

const WARM_UP = 4_000;
const CONNECTIONS = 6_000;
const IN_FLIGHT = 32;

// Connects, ends and waits for the close, so many times.
function churn(net, target, count) {
  return new Promise((resolve, reject) => {
    let left = count;
    let closed = 0;
    const next = () => {
      if (left-- <= 0) return;
      const socket = net.connect(target, () => socket.end()).resume();
      socket.on('error', reject).on('close', () => {
        if (++closed === count) resolve();
        else next();
      });
    };
    for (let index = 0; index < IN_FLIGHT; index++) next();
  });
}

module.exports = {
  question:
    'How many connections a second do a client and a server make and end, and what does one cost both?',
  contenders: { oxipc: 'oxipc/net', node: 'node:net' },
  variants: { UNIX: { unix: true }, TCP: { unix: false } },
  metrics: {
    connections: { unit: 'per s', better: 'higher' },
    CPU: { unit: 'µs per connection, both ends', better: 'lower' },
  },
  async measure(net, { unix }) {
    const name = net === require('node:net') ? 'node:net' : require.resolve('oxipc/net');
    const { child, context, close } = await startPartner('net-server.js', name, 'sink');
    const serverCpu = async () => {
      child.send('cpu');
      return (await once(child, 'message'))[0].cpu;
    };
    const target = unix ? context.socketPath : { port: context.port, host: '127.0.0.1' };
    await churn(net, target, WARM_UP);
    const before = mainThreadCpu() + (await serverCpu());
    const start = process.hrtime.bigint();
    await churn(net, target, CONNECTIONS);
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const cpu = mainThreadCpu() + (await serverCpu()) - before;
    await close();
    return { connections: CONNECTIONS / seconds, CPU: cpu / CONNECTIONS };
  },
};
