'use strict';

const { quantile } = require('../harness/measure');
const { mainThreadCpu } = require('../harness/thread-cpu');

const WARM_UP_TRIPS = 2000;
const ROUND_TRIPS = 20_000;
// The far side is plain Node in both cases.
const PROGRAM = "process.on('message', (message) => process.send(message));";

module.exports = {
  question:
    'How long does a message there and back over the channel of fork take, with plain Node in the child?',
  contenders: { oxipc: 'oxipc/child_process', node: 'node:child_process' },
  variants: {
    'json, one CPU': { serialization: 'json', oneCpu: true },
    'advanced, one CPU': { serialization: 'advanced', oneCpu: true },
    'json, two CPUs': { serialization: 'json' },
    'advanced, two CPUs': { serialization: 'advanced' },
  },
  metrics: {
    p50: { unit: 'µs', better: 'lower' },
    CPU: { unit: 'µs per round trip', better: 'lower' },
  },
  async measure({ spawn }, { serialization }) {
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'];
    const child = spawn(process.execPath, ['-e', PROGRAM], { stdio, serialization });
    const samples = [];
    let before;
    for (let trip = -WARM_UP_TRIPS; trip < ROUND_TRIPS; trip++) {
      if (trip === 0) before = mainThreadCpu();
      const start = process.hrtime.bigint();
      const answered = new Promise((resolve) => child.once('message', resolve));
      child.send({ trip });
      await answered;
      if (trip >= 0) samples.push(Number(process.hrtime.bigint() - start) / 1e3);
    }
    const cpu = mainThreadCpu() - before;
    child.disconnect();
    return { p50: quantile(samples, 0.5), CPU: cpu / ROUND_TRIPS };
  },
};
