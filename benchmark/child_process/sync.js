'use strict';

const RUNS = 100;

module.exports = {
  question: 'How many times per second does spawnSync run /bin/true?',
  contenders: { oxipc: 'oxipc/child_process', node: 'node:child_process', bun: 'bun' },
  variants: { 'parent of 50 MB': {} },
  metrics: { rate: { unit: 'per second', better: 'higher' } },
  async measure({ spawnSync }) {
    spawnSync('/bin/true');
    const start = process.hrtime.bigint();
    for (let run = 0; run < RUNS; run++) spawnSync('/bin/true');
    return { rate: RUNS / (Number(process.hrtime.bigint() - start) / 1e9) };
  },
};
