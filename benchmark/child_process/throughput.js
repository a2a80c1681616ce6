'use strict';

const IN_FLIGHT = 8;
const SPAWNS = 200;
const MB = 1 << 20;

// As in spawn.js: only touched pages make a fork expensive.
function occupy(megabytes) {
  const held = [];
  while (process.memoryUsage.rss() < megabytes * MB) held.push(Buffer.alloc(8 * MB, 1));
  return held;
}

function spawnOnce({ spawn }) {
  return new Promise((resolve, reject) => {
    spawn('/bin/true', [], { stdio: 'ignore' }).on('error', reject).on('exit', resolve);
  });
}

module.exports = {
  question: 'How many processes can be started and awaited per second, 8 in flight?',
  contenders: { oxipc: 'oxipc/child_process', node: 'node:child_process', bun: 'bun' },
  variants: {
    'parent of 50 MB': { megabytes: 50, spawns: SPAWNS },
    'parent of 1 GB': { megabytes: 1024, spawns: SPAWNS / 4 },
  },
  metrics: { rate: { unit: 'per second', better: 'higher' } },
  async measure(childProcess, { megabytes, spawns }) {
    const held = occupy(megabytes);
    await spawnOnce(childProcess);
    let left = spawns;
    const start = process.hrtime.bigint();
    const loop = async () => {
      while (left-- > 0) await spawnOnce(childProcess);
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    if (held.length === 0 && megabytes > 50) throw new Error('nothing was occupied');
    return { rate: spawns / seconds };
  },
};
