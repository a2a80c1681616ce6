'use strict';

const { quantile } = require('../harness/measure');
const { mainThreadCpu } = require('../harness/thread-cpu');

const WARM_UP_TRIPS = 2000;
const ROUND_TRIPS = 20_000;

module.exports = {
  question: 'How long does an echo through the stdin and stdout of cat take?',
  contenders: { oxipc: 'oxipc/child_process', node: 'node:child_process' },
  variants: { 'one CPU': { oneCpu: true }, 'two CPUs': {} },
  metrics: {
    p50: { unit: 'µs', better: 'lower' },
    CPU: { unit: 'µs per round trip', better: 'lower' },
  },
  async measure({ spawn }) {
    const child = spawn('cat');
    const samples = [];
    let before;
    for (let trip = -WARM_UP_TRIPS; trip < ROUND_TRIPS; trip++) {
      if (trip === 0) before = mainThreadCpu();
      const start = process.hrtime.bigint();
      const answered = new Promise((resolve) => child.stdout.once('data', resolve));
      child.stdin.write('ping');
      await answered;
      if (trip >= 0) samples.push(Number(process.hrtime.bigint() - start) / 1e3);
    }
    const cpu = mainThreadCpu() - before;
    child.stdin.end();
    await new Promise((resolve) => child.on('close', resolve));
    return { p50: quantile(samples, 0.5), CPU: cpu / ROUND_TRIPS };
  },
};
