'use strict';

const child_process = require('node:child_process');

// Forks a process that ends at once and never speaks: `/bin/cat` on an empty input.
function forkIdle() {
  return child_process.fork('-', {
    execPath: '/bin/cat',
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}

// Sends a message to such a process; Node checks it before anything leaves.
function sendToChild(...args) {
  const child = forkIdle();
  try {
    return child.send(...args);
  } finally {
    child.disconnect();
  }
}

module.exports = { forkIdle, sendToChild };
