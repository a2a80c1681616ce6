'use strict';

// What is left of our children's children when we die, SIGKILL included: a shell that waits for the end of a pipe which
// nobody but us holds open, and then ends every process that has our mark in its environment. The kernel's parent-death
// signal reaches the direct children alone.

const { randomBytes } = require('node:crypto');

const { ChildHandle } = require('../native');
const { signalName } = require('./signal-names');

const VARIABLE = 'OXIPC_TREE';
// Passes over /proc: processes that are being killed may still make new ones.
const PASSES = 50;

const SCRIPT = `
while read -r line; do :; done
passes=${PASSES}
[ "$2" = KILL ] || passes=1
while [ "$passes" -gt 0 ]; do
  found=$(grep -lzxF "${VARIABLE}=$1" /proc/[0-9]*/environ 2>/dev/null)
  [ -n "$found" ] || exit 0
  for file in $found; do
    pid=\${file#/proc/}
    kill -s "$2" "\${pid%%/*}" 2>/dev/null
  done
  passes=$((passes - 1))
done`;

// By signal number; each guardian has a mark of its own, since a process can die of one signal only.
const marks = new Map();

/** The mark (`NAME=value`) for children that are to die with us by this signal; its guardian runs. */
function markFor(signal) {
  let mark = marks.get(signal);
  if (mark === undefined) {
    const value = `${process.pid}-${randomBytes(8).toString('hex')}`;
    mark = `${VARIABLE}=${value}`;
    startGuardian(value, signalName(signal).slice('SIG'.length));
    marks.set(signal, mark);
  }
  return mark;
}

function startGuardian(value, signal) {
  // Our end of its stdin is never closed: the kernel does it when we are gone.
  const guardian = new ChildHandle({}, () => {});
  const args = ['sh', '-c', SCRIPT, 'oxipc-guardian', value, signal];
  const options = {
    file: '/bin/sh',
    args: args.map((text) => `${text}\0`).join(''),
    env: 'PATH=/usr/local/bin:/usr/bin:/bin\0',
    cwd: '/',
    detached: true,
  };
  guardian.spawn(options, Int32Array.of(-2, -1, -1));
  guardian.unref();
  // It is there before those whom it is for.
  guardian.settle();
}

module.exports = { markFor };
