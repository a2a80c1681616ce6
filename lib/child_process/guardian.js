'use strict';

// What is left of our children's children when we die, SIGKILL included: a shell that waits for the end of a pipe which
// nobody but us holds open, and then ends every process that has our mark in its environment. The kernel's parent-death
// signal reaches the direct children alone.

const { randomBytes } = require('node:crypto');

const native = require('../native');
const { signalName } = require('./signal-names');

const VARIABLE = 'OXIPC_TREE';
// Passes over /proc: processes that are being killed may still make new ones.
const PASSES = 50;

const SCRIPT = `
while read -r line; do :; done
passes=${PASSES}
[ "$2" = KILL ] || passes=1
while [ "$passes" -gt 0 ]; do
  found=$(grep -lz "^${VARIABLE}=$1-" /proc/[0-9]*/environ 2>/dev/null)
  [ -n "$found" ] || exit 0
  for file in $found; do
    pid=\${file#/proc/}
    kill -s "$2" "\${pid%%/*}" 2>/dev/null
  done
  passes=$((passes - 1))
done`;

// One for all: native keeps every function that handles call.
const ignore = () => {};

/** A mark (`NAME=value`) for a child that is to die with us by this signal, and no other child's; its guardian runs. */
function markFor(signal) {
  // For each signal a guardian of its own, since a process can die of one only. Other threads share it: it does not end with
  // the thread that has started it.
  let prefix = native.guardianPrefix(signal);
  if (prefix === null) {
    prefix = `${process.pid}-${randomBytes(8).toString('hex')}`;
    const status = startGuardian(prefix, signalName(signal).slice('SIG'.length));
    if (status >= 0) native.setGuardianPrefix(signal, prefix);
  }
  return `${VARIABLE}=${prefix}-${native.nextMark()}`;
}

function startGuardian(prefix, signal) {
  // Our end of its stdin is never closed: the kernel does it when we are gone.
  const guardian = new native.ChildHandle({}, ignore);
  const args = ['sh', '-c', SCRIPT, 'oxipc-guardian', prefix, signal];
  const options = {
    file: '/bin/sh',
    args: args.map((text) => `${text}\0`).join(''),
    env: 'PATH=/usr/local/bin:/usr/bin:/bin\0',
    cwd: '/',
    detached: true,
  };
  const stdio = Int32Array.of(-2, -1, -1);
  const status = guardian.spawn(options, stdio);
  guardian.unref();
  if (status < 0) native.closeDescriptor(stdio[0]);
  else native.releaseDescriptor(stdio[0]);
  return status;
}

module.exports = { markFor };
