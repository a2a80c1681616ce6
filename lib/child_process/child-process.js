'use strict';

// `ChildProcess`: a child, its events and its streams, in Node's order of things.

const { AsyncResource } = require('node:async_hooks');
const diagnosticsChannel = require('node:diagnostics_channel');
const EventEmitter = require('node:events');
const { constants } = require('node:os');
const { inspect } = require('node:util');

const { requireChildPermission } = require('../internal/permission');
const { convertToValidSignal } = require('../internal/signals');
const { errnoException } = require('../internal/system-errors');
const { validateArray, validateObject, validateOneOf, validateString } = require('../internal/validators');
const { ChildHandle } = require('../native');
const { Socket } = require('../net');
const { readChannelToEnd, setupChannel, startChannel } = require('./channel');
const { applyExtras, defineExtras, noteEnd } = require('./extras');
const { forceKillLater } = require('./force-kill');
const { markGivenAway } = require('./given-away');
const { treeGone } = require('./kill-tree');
const { descriptorOf, toNativeSpawn } = require('./native-options');
const { guardProcessState } = require('./process-state');
const { signalName } = require('./signal-names');
const { getValidStdio } = require('./stdio');
const { StdioPipe } = require('./stdio-pipe');

const { EACCES, EAGAIN, EMFILE, ENFILE, ENOENT, EINVAL, ENOSYS, ESRCH } = constants.errno;
// These arrive as 'error'; any other failure of spawn is thrown.
const EMITTED_ERRORS = new Set([EACCES, EAGAIN, EMFILE, ENFILE, ENOENT].map((errno) => -errno));

const [STARTED, EXITED] = [0, 1];
// What native's `spawn` answers when a thread of its own launches the process.
const LAUNCHING = 1;

const kIsUsedAsStdio = Symbol('kIsUsedAsStdio');
const kLaunch = Symbol('kLaunch');

// What is known of a child's start. Beside the child, which may be frozen, or `this` a proxy of it or an heir.
class Launch {
  // While a thread launches it: whoever waits may do so in any async context, but what the child then emits belongs to
  // that of its `spawn`.
  context = null;
  pid = undefined;
  // Our ends of its pipes, until they may read. Not `child.stdio`: that is the user's to change.
  held = [];

  constructor(child) {
    this.child = child;
  }
}

// `pid` of a child that a thread launches. One accessor for all of them: V8 would keep a child that has one of its own, or
// for which it becomes a value later, as a dictionary. `this` may be a proxy, or inherit from the child.
const PID_TO_COME = {
  enumerable: true,
  configurable: true,
  get() {
    const launch = this[kLaunch];
    settle(launch);
    return launch?.pid;
  },
  set(value) {
    if (Reflect.defineProperty(this, 'pid', { value, writable: true, enumerable: true, configurable: true }))
      return;
    // Sealed, it would keep its value writable.
    if (Object.isFrozen(this))
      throw new TypeError("Cannot assign to read only property 'pid' of object '#<ChildProcess>'");
    settle(this[kLaunch]);
    this[kLaunch].pid = value;
  },
};

// console.log(child) has the pid, as in Node, and not its accessor: returned is what is inspected then.
Object.defineProperty(ChildProcess.prototype, inspect.custom, {
  value() {
    const descriptor = Object.getOwnPropertyDescriptor(this, 'pid');
    // Not one that the user has put there, nor that of a frozen child.
    if (descriptor?.get === PID_TO_COME.get && descriptor.configurable) this.pid = this.pid;
    return this;
  },
  writable: true,
  configurable: true,
});

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
    if (status === LAUNCHING) guardProcessState();
    else process.nextTick(started, this, 0);
  } else {
    if (spawning.hasSubscribers) {
      spawning.error.publish({ process: this, error: errnoException(status, 'spawn') });
    }
    if (!EMITTED_ERRORS.has(status)) {
      this._handle = null;
      throw errnoException(status, 'spawn');
    }
    process.nextTick(onExit, this, status, 0);
    // There are no streams then.
    if (status === -EMFILE || status === -ENFILE) return status;
  }

  const launch = new Launch(this);
  Object.defineProperty(this, kLaunch, { value: launch, configurable: true });
  if (status === LAUNCHING) launch.context = new AsyncResource('OXIPCLAUNCH');
  // Not in the way of a subclass's own, nor of what an earlier spawn() has left.
  if (status === LAUNCHING && !('pid' in this)) Object.defineProperty(this, 'pid', PID_TO_COME);
  else this.pid = this._handle.pid || undefined;

  stdio.forEach((entry, index) => openStdio(this, entry, index, descriptors[index]));
  // A list with holes is shorter.
  this.stdin = stdio[0]?.socket ?? null;
  this.stdout = stdio[1]?.socket ?? null;
  this.stderr = stdio[2]?.socket ?? null;
  this.stdio = stdio.map(({ socket }) => socket ?? null);

  launch.held = stdio.filter(({ socket }) => socket).map(({ handle }) => handle);
  if (ipc !== undefined) setupChannel(this, descriptors[ipcFd], serialization, maybeClose, awaitLaunch);
  if (status !== LAUNCHING) startReading(this);
  return Math.min(status, 0);
};

ChildProcess.prototype.kill = function kill(sig) {
  const signal = sig === 0 ? sig : convertToValidSignal(sig === undefined ? 'SIGTERM' : sig);
  settle(this[kLaunch]);
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
  if (kind === STARTED) {
    const launch = this[kLaunch];
    launch.pid = this._handle.pid || undefined;
    launch.context = null;
    started(this, a);
  } else if (kind === EXITED) {
    onExit(this, a, b);
  } else {
    treeGone(this, a);
  }
}

// A launch on another thread is waited for by whoever must know: `pid`, `kill`.
function settle(launch) {
  if (!launch?.context) return;
  const { child, context } = launch;
  const status = child._handle.settle();
  launch.pid = child._handle.pid || undefined;
  launch.context = null;
  context.runInAsyncScope(process.nextTick, process, started, child, status);
}

const awaitLaunch = (child) => settle(child[kLaunch]);

// The process runs, or has failed to. Nothing of it is heard before.
function started(child, status) {
  if (status < 0) {
    startReading(child);
    onExit(child, status, 0);
    return;
  }
  try {
    child.emit('spawn');
  } finally {
    // A listener that throws takes no output away.
    startReading(child);
  }
}

function startReading(child) {
  for (const pipe of child[kLaunch].held.splice(0)) pipe.release();
  startChannel(child);
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
    if (stream?.readable && !stream[kIsUsedAsStdio]) stream.resume();
  }
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
    entry._stdio[kIsUsedAsStdio] = true;
  } else if (entry.ipc) {
    child._closesNeeded++;
  } else if (entry.type === 'pipe' || entry.type === 'overlapped') {
    const handle = new StdioPipe();
    const status = handle.open(fd);
    entry.handle = handle;
    entry.socket = new Socket({ handle, readable: index > 0 });
    // No memory or no watch left for it in the kernel.
    if (status < 0) entry.socket.destroy(errnoException(status, 'open'));
    if (index > 0) {
      child._closesNeeded++;
      entry.socket.on('close', () => maybeClose(child));
    }
  }
}

defineExtras(ChildProcess);

module.exports = { ChildProcess, awaitLaunch };
