'use strict';

// The `stdio` option: what each entry means.

const { inspect } = require('node:util');

const {
  ERR_INVALID_ARG_VALUE,
  ERR_INVALID_SYNC_FORK_INPUT,
  ERR_IPC_ONE_PIPE,
  ERR_IPC_SYNC_FORK,
} = require('../internal/errors');
const { kHandle } = require('../net/symbols');

// Node's handles and ours, by the name of their class: the classes themselves are private.
const WRAP_TYPES = new Map([
  ['Pipe', 'pipe'],
  ['TTY', 'tty'],
  ['TCP', 'tcp'],
  ['UDP', 'udp'],
  ['StreamHandle', 'pipe'],
]);

// `'pipe'`, `'inherit'` and so on for all three; `channel` is appended.
function stdioStringToArray(stdio, channel) {
  let list;
  if (stdio === 'ignore' || stdio === 'pipe' || stdio === 'overlapped') list = [stdio, stdio, stdio];
  else if (stdio === 'inherit') list = [0, 1, 2];
  else throw new ERR_INVALID_ARG_VALUE('stdio', stdio);

  if (channel) list.push(channel);
  return list;
}

// Returns `{ stdio, ipc, ipcFd }`: an entry `{ type, … }` for each descriptor, and which one the IPC channel is.
function getValidStdio(stdio, sync) {
  let list = stdio;
  if (typeof stdio === 'string') list = stdioStringToArray(stdio);
  else if (!Array.isArray(stdio)) throw new ERR_INVALID_ARG_VALUE('stdio', stdio);

  const entries = [];
  let ipc;
  let ipcFd;
  for (let index = 0; index < Math.max(list.length, 3); index++) {
    // Holes too are left out there.
    if (index < list.length && !(index in list)) continue;
    const entry = describe(list[index], index, sync);
    // Node drops text and bytes from a synchronous list, and what follows moves up.
    if (entry === undefined) continue;
    if (entry.ipc) {
      if (sync) throw new ERR_IPC_SYNC_FORK();
      if (ipc !== undefined) throw new ERR_IPC_ONE_PIPE();
      ipc = entry;
      ipcFd = index;
    }
    entries.push(entry);
  }
  return { stdio: entries, ipc, ipcFd };
}

function describe(value, index, sync) {
  const stdio = value ?? (index < 3 ? 'pipe' : 'ignore');

  if (stdio === 'ignore') return { type: 'ignore' };
  if (stdio === 'pipe' || stdio === 'overlapped' || (typeof stdio === 'number' && stdio < 0)) {
    return {
      type: stdio === 'overlapped' ? 'overlapped' : 'pipe',
      readable: index === 0,
      writable: index !== 0,
    };
  }
  if (stdio === 'ipc') return { type: 'pipe', ipc: true };
  if (stdio === 'inherit') return { type: 'inherit', fd: index };
  if (typeof stdio === 'number') return { type: 'fd', fd: stdio };
  // A bare handle too: whoever has taken it out of its stream sees to that.
  if (typeof stdio.fd === 'number') return { type: 'fd', fd: stdio.fd };

  const handle = [stdio.handle, stdio[kHandle] ?? stdio._handle].find(isHandle);
  if (handle)
    return { type: 'wrap', wrapType: WRAP_TYPES.get(handle.constructor.name), handle, _stdio: stdio };

  if (ArrayBuffer.isView(stdio) || typeof stdio === 'string') {
    if (sync) return undefined;
    throw new ERR_INVALID_SYNC_FORK_INPUT(inspect(stdio));
  }
  throw new ERR_INVALID_ARG_VALUE('stdio', stdio);
}

function isHandle(value) {
  return (
    typeof value === 'object' &&
    value !== null &&
    WRAP_TYPES.has(value.constructor?.name) &&
    typeof value.fd === 'number'
  );
}

module.exports = { getValidStdio, stdioStringToArray };
