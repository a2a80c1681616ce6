'use strict';

const fs = require('node:fs');

// Kept open, since it may be read every few milliseconds.
const schedstat = process.threadCpuUsage
  ? null
  : fs.openSync(`/proc/${process.pid}/task/${process.pid}/schedstat`, 'r');
const text = Buffer.alloc(128);

/** CPU time of the main thread in microseconds, helpers of the runtime and of the addon not included. */
function mainThreadCpu() {
  if (process.threadCpuUsage) {
    const { user, system } = process.threadCpuUsage();
    return user + system;
  }
  const length = fs.readSync(schedstat, text, 0, text.length, 0);
  return Number(text.latin1Slice(0, length).split(' ')[0]) / 1000;
}

module.exports = { mainThreadCpu };
