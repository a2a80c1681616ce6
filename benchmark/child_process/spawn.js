'use strict';

const { mainThreadCpu } = require('../harness/thread-cpu');
const { median } = require('../harness/measure');

const SPAWNS = 40;
const MB = 1 << 20;

// Touched page by page: what makes a fork expensive is the page tables, and only touched pages have entries.
function occupy(megabytes) {
  const held = [];
  while (process.memoryUsage.rss() < megabytes * MB) held.push(Buffer.alloc(8 * MB, 1));
  return held;
}

function spawnOnce({ spawn }) {
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    const child = spawn('/bin/true', [], { stdio: 'ignore' });
    const blocked = Number(process.hrtime.bigint() - start) / 1e6;
    child.on('error', reject);
    child.on('exit', () => resolve({ blocked, exit: Number(process.hrtime.bigint() - start) / 1e6 }));
  });
}

module.exports = {
  question: 'How long does spawn() block the main thread, and how long until the exit event?',
  contenders: { oxipc: 'oxipc/child_process', node: 'node:child_process', bun: 'bun' },
  variants: {
    'parent of 50 MB': { megabytes: 50 },
    'parent of 1 GB': { megabytes: 1024 },
  },
  metrics: {
    blocked: { unit: 'ms', better: 'lower' },
    'to exit': { unit: 'ms', better: 'lower' },
    CPU: { unit: 'ms per spawn', better: 'lower' },
  },
  async measure(childProcess, { megabytes }) {
    const held = occupy(megabytes);
    for (let i = 0; i < 5; i++) await spawnOnce(childProcess);
    const samples = [];
    const before = mainThreadCpu();
    for (let i = 0; i < SPAWNS; i++) samples.push(await spawnOnce(childProcess));
    const cpu = mainThreadCpu() - before;
    if (held.length === 0 && megabytes > 50) throw new Error('nothing was occupied');
    return {
      blocked: median(samples.map((sample) => sample.blocked)),
      'to exit': median(samples.map((sample) => sample.exit)),
      CPU: cpu / 1000 / SPAWNS,
    };
  },
};
