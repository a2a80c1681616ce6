'use strict';

const { promisify } = require('node:util');

const IN_FLIGHT = 4;
const COMMANDS = 200;

// execa: `execa(file, args)`; ours: `run(file, args)`; node's nearest: the promise of `execFile`.
const commandOf = ({ execa, run, execFile }) => execa ?? run ?? promisify(execFile);

module.exports = {
  question: 'How many commands a second give their output as a promise, 4 in flight?',
  contenders: { oxipc: 'oxipc/child_process', node: 'node:child_process', execa: 'execa' },
  metrics: {
    rate: { unit: 'per second', better: 'higher' },
    CPU: { unit: 'ms of this process per command', better: 'lower' },
  },
  async measure(module) {
    const command = commandOf(module);
    const runOne = async () => {
      const { stdout } = await command('echo', ['some output']);
      if (stdout.trim() !== 'some output') throw new Error(`echo said ${stdout}`);
    };
    for (let index = 0; index < 10; index++) await runOne();
    let left = COMMANDS;
    const loop = async () => {
      while (left-- > 0) await runOne();
    };
    const before = process.cpuUsage();
    const start = process.hrtime.bigint();
    await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const { user, system } = process.cpuUsage(before);
    return { rate: COMMANDS / seconds, CPU: (user + system) / 1e3 / COMMANDS };
  },
};
