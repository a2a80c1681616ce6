'use strict';

const fs = require('node:fs');

const schedstat = `/proc/${process.pid}/task/${process.pid}/schedstat`;

/** CPU time of the main thread in microseconds, helpers of the runtime and of the addon not included. */
function mainThreadCpu() {
  if (process.threadCpuUsage) {
    const { user, system } = process.threadCpuUsage();
    return user + system;
  }
  return Number(fs.readFileSync(schedstat, 'utf8').split(' ')[0]) / 1000;
}

module.exports = { mainThreadCpu };
