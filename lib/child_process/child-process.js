'use strict';

// `ChildProcess`: a child, its events and its streams, in Node's order of things.

const diagnosticsChannel = require('node:diagnostics_channel');
const EventEmitter = require('node:events');
const { constants } = require('node:os');

const { requireChildPermission } = require('../internal/permission');
const { convertToValidSignal } = require('../internal/signals');
const { errnoException } = require('../internal/system-errors');
const { validateArray, validateObject, validateOneOf, validateString } = require('../internal/validators');
const { ChildHandle, holdsMoreThanItsRoom } = require('../native');
const { Socket } = require('../net');
const { Pipe } = require('../net/handle');
const { readChannelToEnd, setupChannel } = require('./channel');
const { applyExtras, defineExtras, noteEnd } = require('./extras');
const { forceKillLater } = require('./force-kill');
const { isGivenAway, markGivenAway } = require('./given-away');
const { treeGone } = require('./kill-tree');
const { descriptorOf, toNativeSpawn } = require('./native-options');
const { signalName } = require('./signal-names');
const { getValidStdio } = require('./stdio');

const { EACCES, EAGAIN, EMFILE, ENFILE, ENOENT, EINVAL, ENOSYS, ESRCH } = constants.errno;
// These arrive as 'error', and the child has its streams all the same, ended.
const LEAVE_STREAMS = new Set([EACCES, EAGAIN, ENOENT].map((errno) => -errno));
// These too, without streams; any other failure of spawn is thrown.
const LEAVE_NOTHING = new Set([EMFILE, ENFILE].map((errno) => -errno));

const EXITED = 0;

// The handle of a pipe that was given more room.
const kWidened = Symbol('kWidened');

const created = diagnosticsChannel.channel('child_process');
const spawning = diagnosticsChannel.tracingChannel('child_process.spawn');

// A function and not a class: programs derive from it with `util.inherits` and `ChildProcess.call(this)`.
function ChildProcess() {
  EventEmitter.call(this);

  this._closesNeeded = 1;
  this._closesGot = 0;
  this.connected = false;

  this.signalCode = null;
  this.exitCode = null;
  this.killed = false;
  this.spawnfile = null;

  this._handle = new ChildHandle(this, onEvent);

  if (created.hasSubscribers) created.publish({ process: this });
}
Object.setPrototypeOf(ChildProcess.prototype, EventEmitter.prototype);
Object.setPrototypeOf(ChildProcess, EventEmitter);

ChildProcess.prototype.spawn = function spawn(options) {
  validateObject(options, 'options');

  const { stdio, ipc, ipcFd } = getValidStdio(options.stdio || 'pipe', false);
  options.stdio = stdio;

  validateOneOf(options.serialization, 'options.serialization', [undefined, 'json', 'advanced']);
  const serialization = options.serialization || 'json';

  if (ipc !== undefined) {
    if (options.envPairs === undefined) options.envPairs = [];
    else validateArray(options.envPairs, 'options.envPairs');
    options.envPairs.push(`NODE_CHANNEL_FD=${ipcFd}`, `NODE_CHANNEL_SERIALIZATION_MODE=${serialization}`);
  }

  validateString(options.file, 'options.file');
  this.spawnfile = options.file;

  if (options.args === undefined) {
    this.spawnargs = [];
  } else {
    validateArray(options.args, 'options.args');
    this.spawnargs = options.args;
  }

  requireChildPermission(options.file);
  const deathSignal = applyExtras(this, options);
  if (spawning.hasSubscribers) spawning.start.publish({ process: this, options });

  const descriptors = Int32Array.from(stdio, descriptorOf);
  const status = this._handle.spawn(toNativeSpawn(options, deathSignal), descriptors);

  if (status >= 0) {
    if (spawning.hasSubscribers) spawning.end.publish({ process: this });
    process.nextTick(emitSpawn, this);
  } else {
    if (spawning.hasSubscribers) {
      spawning.error.publish({ process: this, error: errnoException(status, 'spawn') });
    }
    if (LEAVE_NOTHING.has(status)) {
      process.nextTick(onExit, this, status, 0);
      return status;
    }
    if (!LEAVE_STREAMS.has(status)) {
      this._handle = null;
      throw errnoException(status, 'spawn');
    }
    process.nextTick(onExit, this, status, 0);
  }

  this.pid = this._handle.pid || undefined;

  stdio.forEach((entry, index) => openStdio(this, entry, index, descriptors[index]));
  // A list with holes is shorter.
  this.stdin = stdio[0]?.socket ?? null;
  this.stdout = stdio[1]?.socket ?? null;
  this.stderr = stdio[2]?.socket ?? null;
  this.stdio = stdio.map(({ socket }) => socket ?? null);

  if (ipc !== undefined) setupChannel(this, descriptors[ipcFd], serialization, maybeClose);
  return status;
};

ChildProcess.prototype.kill = function kill(sig) {
  const signal = sig === 0 ? sig : convertToValidSignal(sig === undefined ? 'SIGTERM' : sig);
  if (!this._handle) return false;

  const status = this._handle.kill(signal);
  if (status === 0) {
    this.killed = true;
    forceKillLater(this, signal);
    return true;
  }
  if (status === -EINVAL || status === -ENOSYS) throw errnoException(status, 'kill');
  if (status !== -ESRCH) this.emit('error', errnoException(status, 'kill'));
  return false;
};

ChildProcess.prototype[Symbol.dispose ?? Symbol.for('SymbolDispose')] = function () {
  if (!this.killed) this.kill();
};

ChildProcess.prototype.ref = function ref() {
  this._handle?.ref();
};

ChildProcess.prototype.unref = function unref() {
  this._handle?.unref();
};

function onEvent(kind, a, b) {
  if (kind === EXITED) onExit(this, a, b);
  else treeGone(this, a);
}

// A program that is known is not waited for in spawn() (docs/design/spawn.md), but here: behind 'spawn' nothing differs from Node.
function emitSpawn(child) {
  const status = child._handle?.awaitProgram() ?? 0;
  if (status === 0) child.emit('spawn');
  // Its exit brings the error. The child may be frozen.
  else Reflect.set(child, 'pid', undefined);
}

// `code` below 0: the errno with which spawning or waiting failed.
function onExit(child, code, signal) {
  if (signal) child.signalCode = signalName(signal);
  else child.exitCode = code;

  child.stdin?.destroy();
  noteEnd(child, child._handle);
  child._handle = null;

  if (code < 0) {
    const error = errnoException(code, child.spawnfile ? `spawn ${child.spawnfile}` : 'spawn');
    if (child.spawnfile) error.path = child.spawnfile;
    error.spawnargs = child.spawnargs.slice(1);
    child.emit('error', error);
  } else {
    child.emit('exit', child.exitCode, child.signalCode);
  }

  // Not before the next tick: an 'exit' listener may still want to read.
  process.nextTick(flushStdio, child);
  maybeClose(child);
}

// 'close' waits for the end of the channel and of every stream, and what nobody reads does not end.
function flushStdio(child) {
  readChannelToEnd(child);
  const { stdio } = child;
  if (stdio == null) return;
  for (const stream of stdio) {
    if (stream?.readable && !isGivenAway(stream) && !isKept(stream)) stream.resume();
  }
}

// In Node the child would still be writing, and nothing be thrown away.
function isKept({ readableFlowing, readableLength, [kWidened]: widened }) {
  return !readableFlowing && widened !== undefined && holdsMoreThanItsRoom(widened.fd, readableLength);
}

function maybeClose(child) {
  child._closesGot++;
  if (child._closesGot === child._closesNeeded) child.emit('close', child.exitCode, child.signalCode);
}

function openStdio(child, entry, index, fd) {
  if (entry.type === 'wrap') {
    // A server, say: nothing reads there.
    if (typeof entry._stdio.pause !== 'function') return;
    // The child reads from it: we must not take its bytes away.
    entry.handle.reading = false;
    entry.handle.readStop();
    entry._stdio.pause();
    entry._stdio.readableFlowing = false;
    entry._stdio._readableState.reading = false;
    markGivenAway(entry._stdio);
  } else if (entry.ipc) {
    child._closesNeeded++;
  } else if (entry.type === 'pipe' || entry.type === 'overlapped') {
    const handle = new Pipe();
    const status = handle.open(fd);
    entry.handle = handle;
    entry.socket = new Socket({ handle, readable: index > 0 });
    // No memory or no watch left for it in the kernel.
    if (status < 0) entry.socket.destroy(errnoException(status, 'open'));
    if (index > 0) {
      child._closesNeeded++;
      entry.socket.on('close', () => maybeClose(child));
      widenForBulk(child._handle, entry, index);
    }
  }
}

// At first a pipe has the room that it has in Node, since that decides whether a child whose output nobody reads comes to its end,
// where what is left is thrown away. More room spares the reader of much output nine of ten wake-ups.
function widenForBulk(native, { handle, socket }, index) {
  handle.onBulk = () => {
    if (native.widen(index)) socket[kWidened] = handle;
  };
}

defineExtras(ChildProcess);

module.exports = { ChildProcess };
