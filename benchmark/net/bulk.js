'use strict';

const { once } = require('node:events');
const nodesNet = require('node:net');
const { startPartner } = require('../harness/partner');
const { mainThreadCpu } = require('../harness/thread-cpu');

const KIB = 1024;
const WARM_UP = 64 << 20;
const BYTES = 512 << 20;

async function write(socket, chunk, bytes) {
  for (let written = 0; written < bytes; written += chunk.length) {
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
}

/** Sends so many bytes over a connection of its own: seconds, and CPU time of both ends in microseconds. */
async function transfer(net, address, chunk, bytes) {
  const socket = net.connect(address);
  await once(socket, 'connect');
  const start = process.hrtime.bigint();
  const before = mainThreadCpu();
  await write(socket, chunk, bytes);
  const sent = mainThreadCpu() - before;
  // The partner answers the end once it has read everything.
  socket.end();
  let answer = '';
  for await (const text of socket.setEncoding('utf8')) answer += text;
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  return { seconds, cpu: sent + Number(answer) };
}

const variants = {};
for (const kind of ['UNIX', 'TCP']) {
  for (const size of [64, 1024]) {
    variants[`${kind}, ${size === 64 ? '64 KiB' : '1 MiB'} writes`] = { kind, size: size * KIB };
  }
}

module.exports = {
  question: 'How fast do large writes go from one process to another, both on the same module?',
  contenders: { oxipc: 'oxipc/net', node: 'node:net' },
  variants,
  metrics: {
    rate: { unit: 'MB/s', better: 'higher' },
    CPU: { unit: 'ms per GB, both ends', better: 'lower' },
  },
  async measure(net, { kind, size }) {
    const moduleName = net === nodesNet ? 'node:net' : require.resolve('oxipc/net');
    const { context, close } = await startPartner('echo-server.js', 'sink', kind, moduleName);
    const chunk = Buffer.alloc(size, 'x');
    await transfer(net, context.address, chunk, WARM_UP);
    const { seconds, cpu } = await transfer(net, context.address, chunk, BYTES);
    await close();
    return { rate: BYTES / 1e6 / seconds, CPU: cpu / 1e3 / (BYTES / 1e9) };
  },
};
