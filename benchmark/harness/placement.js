'use strict';

// Where processes run. Two that take turns wait for each other: on two CPUs mostly for the idle one to wake up, which takes
// a virtual machine ten times as long as the work itself; on one CPU the work is what is seen.

const { spawnSync } = require('node:child_process');

// All threads of this process; those that it starts inherit it.
function taskset(...args) {
  const { status, stdout } = spawnSync('taskset', ['-ap', ...args], { encoding: 'utf8' });
  return status === 0 ? stdout : null;
}

/** Keeps this process, and those that it starts, on its last CPU. Returns what undoes it. */
function stayOnOneCpu() {
  const former = taskset(String(process.pid))?.match(/mask: ([0-9a-f,]+)/)?.[1];
  if (former === undefined) throw new Error('taskset (util-linux) is missing');
  const cpu = BigInt(`0x${former.replaceAll(',', '')}`).toString(2).length - 1;
  taskset('-c', String(cpu), String(process.pid));
  return () => taskset(former, String(process.pid));
}

module.exports = { stayOnOneCpu };
