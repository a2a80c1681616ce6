'use strict';

// Whoever requires this has every process that a test leaves below its own ended right after that test, failed or not: a
// child that holds our output, or keeps our event loop alive, would keep the file from ending.

const fs = require('node:fs');
const { afterEach } = require('node:test');

/** The pids of what descends from a process now; zombies included. */
function descendants(pid = process.pid) {
  let threads;
  try {
    threads = fs.readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // It has ended.
  }
  const children = threads.flatMap((thread) => {
    try {
      return fs.readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean);
    } catch {
      return [];
    }
  });
  return children.flatMap((child) => [Number(child), ...descendants(child)]);
}

function endAll(pids) {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {} // It has ended.
  }
}

// Ours and lasting: see lib/child_process/guardian.js.
function isGuardian(pid) {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('oxipc-guardian');
  } catch {
    return false;
  }
}

afterEach(() => endAll(descendants().filter((pid) => !isGuardian(pid))));

module.exports = { descendants, endAll };
