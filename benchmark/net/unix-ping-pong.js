'use strict';

const { once } = require('node:events');
const { median } = require('../harness/measure');
const { startPartner } = require('../harness/partner');
const { mainThreadCpu } = require('../harness/thread-cpu');

const WARM_UP = 2_000;
const ROUND_TRIPS = 20_000;
const message = Buffer.alloc(64, 'x');

function pingPong(socket, count, samples) {
  return new Promise((resolve) => {
    let left = count;
    let received = 0;
    let start = process.hrtime.bigint();
    socket.on('data', function onData(data) {
      received += data.length;
      if (received < message.length) return;
      received = 0;
      const now = process.hrtime.bigint();
      samples.push(Number(now - start) / 1000);
      if (--left === 0) {
        socket.off('data', onData);
        return resolve();
      }
      start = now;
      socket.write(message);
    });
    socket.write(message);
  });
}

module.exports = {
  question: 'How long does a 64-byte round trip over a UNIX socket take, and what does it cost?',
  contenders: { oxipc: 'oxipc/net', node: 'node:net' },
  metrics: {
    'round trip': { unit: 'µs, p50', better: 'lower' },
    CPU: { unit: 'µs per round trip', better: 'lower' },
  },
  prepare: () => startPartner('echo-server.js', 'echo'),
  async measure(net, _parameters, { socketPath }) {
    const socket = net.connect(socketPath);
    await once(socket, 'connect');
    await pingPong(socket, WARM_UP, []);
    const samples = [];
    const before = mainThreadCpu();
    await pingPong(socket, ROUND_TRIPS, samples);
    const cpu = mainThreadCpu() - before;
    socket.destroy();
    return { 'round trip': median(samples), CPU: cpu / ROUND_TRIPS };
  },
};
