'use strict';

const { once } = require('node:events');
const { startPartner } = require('../harness/partner');
const { mainThreadCpu } = require('../harness/thread-cpu');

const WARM_UP = 20_000;
const WRITES = 300_000;
// As many as a busy program makes before it returns to the event loop.
const PER_TURN = 100;
const message = Buffer.alloc(100, 'x');

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

async function write(socket, count) {
  for (let written = 0; written < count; ) {
    for (let i = 0; i < PER_TURN && written < count; i++, written++) socket.write(message);
    if (socket.writableNeedDrain) await once(socket, 'drain');
    else await nextTurn();
  }
}

module.exports = {
  question: 'How many 100-byte writes a second does a UNIX socket take, and what does one cost?',
  contenders: { oxipc: 'oxipc/net', node: 'node:net' },
  metrics: {
    writes: { unit: 'per s', better: 'higher' },
    CPU: { unit: 'µs per write', better: 'lower' },
  },
  prepare: () => startPartner('echo-server.js', 'sink', 'UNIX'),
  async measure(net, _parameters, { address }) {
    const socket = net.connect(address);
    await once(socket, 'connect');
    await write(socket, WARM_UP);
    const start = process.hrtime.bigint();
    const before = mainThreadCpu();
    await write(socket, WRITES);
    const cpu = mainThreadCpu() - before;
    // The partner answers the end once it has read everything.
    socket.resume().end();
    await once(socket, 'end');
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    return { writes: WRITES / seconds, CPU: cpu / WRITES };
  },
};
