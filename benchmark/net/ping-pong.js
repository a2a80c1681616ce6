'use strict';

const { once } = require('node:events');
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
  question: 'How long does a 64-byte round trip take, and what does it cost?',
  contenders: { oxipc: 'oxipc/net', node: 'node:net' },
  variants: {
    'UNIX, one CPU': { kind: 'UNIX', oneCpu: true },
    'TCP, one CPU': { kind: 'TCP', oneCpu: true },
    'UNIX, two CPUs': { kind: 'UNIX' },
    'TCP, two CPUs': { kind: 'TCP' },
  },
  metrics: {
    p50: { unit: 'µs', better: 'lower' },
    p99: { unit: 'µs', better: 'lower' },
    CPU: { unit: 'µs per round trip', better: 'lower' },
  },
  prepare: ({ kind }) => startPartner('echo-server.js', 'echo', kind),
  async measure(net, _parameters, { address }) {
    const socket = net.connect(address);
    await once(socket, 'connect');
    socket.setNoDelay(true);
    await pingPong(socket, WARM_UP, []);
    const samples = [];
    const before = mainThreadCpu();
    await pingPong(socket, ROUND_TRIPS, samples);
    const cpu = mainThreadCpu() - before;
    socket.destroy();
    samples.sort((a, b) => a - b);
    return {
      p50: samples[Math.floor(samples.length * 0.5)],
      p99: samples[Math.floor(samples.length * 0.99)],
      CPU: cpu / ROUND_TRIPS,
    };
  },
};
