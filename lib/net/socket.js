'use strict';

// net.Socket: a Duplex over a handle of ours, or of Node's when others work on it too (adoption.js). How it connects is in
// connect.js; its addresses, counters and options are in socket-properties.js.

const { AsyncResource } = require('node:async_hooks');
const nodesNet = require('node:net');
const { Duplex } = require('node:stream');
const { clearTimeout } = require('node:timers');
const { isUint8Array } = require('node:util').types;

const { guessFdType } = require('./descriptor-type');
const {
  ERR_INVALID_ARG_VALUE,
  ERR_INVALID_FD_TYPE,
  ERR_INVALID_HANDLE_TYPE,
  ERR_SOCKET_CLOSED,
  ERR_SOCKET_CLOSED_BEFORE_CONNECTION,
} = require('../internal/errors');
const { genericNodeError, errnoException } = require('../internal/system-errors');
const { validateInt32, validateNumber } = require('../internal/validators');
const { trimStack } = require('../internal/node-error');
const { attachNodes } = require('./adoption');
const { validatedBlockList } = require('./block-list');
const { BoundSocket } = require('./bound-socket');
const { defineDescriptorMethods, writeInTurn } = require('./descriptors');
const { SocketHandle, TCP, Pipe } = require('./handle');
const { hiddenPrototype, setState } = require('./hidden-state');
const { acceptInstances, isInstance } = require('./instances');
const { isStateSymbol } = require('./node-internals');
const { nextOwnBuffer, resumeOwnBuffer, streamObserver, tryReadStart } = require('./reading');
const { defineProperties } = require('./socket-properties');
const { toBytes } = require('./writer');
const {
  kAsyncId,
  kAttachHandle,
  kBuffer,
  kBufferCallback,
  kBufferGenerator,
  kBytesRead,
  kConsume,
  kCopies,
  kBytesWritten,
  kHandle,
  kLastWriteQueueSize,
  kSetKeepAlive,
  kSetKeepAliveInitialDelay,
  kSetNoDelay,
  kSetTypeOfService,
  kTimeout,
} = require('./symbols');

// For a handle of Node's.
const { _writeGeneric: writeToNodes, _final: endNodes } = nodesNet.Socket.prototype;

const TYPE_OF_SERVICE_MAX = 255;
// Node 20 tells nobody that destroy() has cut off a write.
const REPORTS_CANCELLED_WRITES = Number(process.versions.node.split('.')[0]) >= 22;
const HAS_TYPE_OF_SERVICE = isStateSymbol(kSetTypeOfService);
// What end() does before connect(): Node 20 waits for the connection.
const FINISHES_UNCONNECTED = Number(process.versions.node.split('.')[0]) >= 22;

function Socket(options) {
  if (!isInstance(this, Socket)) return new Socket(options);

  // Not by spreading: V8 before 12 gives what is added to a spread object a new map each time, and with them every read a miss.
  const settings = typeof options === 'number' ? { fd: options } : Object.assign({}, options);
  if (settings.objectMode || settings.readableObjectMode || settings.writableObjectMode) {
    refuseObjectMode(settings);
  }
  if (settings.keepAliveInitialDelay !== undefined) {
    validateNumber(settings.keepAliveInitialDelay, 'options.keepAliveInitialDelay');
    if (settings.keepAliveInitialDelay < 0) settings.keepAliveInitialDelay = 0;
  }
  if (settings.typeOfService !== undefined) {
    validateInt32(settings.typeOfService, 'options.typeOfService', 0, TYPE_OF_SERVICE_MAX);
  }

  this.connecting = false;
  // Of Node's handle, once it has one.
  this[kAsyncId] = -1;
  this._hadError = false;
  this._parent = null;
  this._host = null;
  this._closeAfterHandlingError = false;
  this[kHandle] = null;
  this[kLastWriteQueueSize] = 0;
  this[kTimeout] = null;
  this[kBuffer] = null;
  this[kBufferCallback] = null;
  this[kBufferGenerator] = null;

  // 'close' is emitted when the handle has closed, see _destroy.
  settings.emitClose = false;
  settings.autoDestroy = true;
  settings.decodeStrings = false;
  settings.allowHalfOpen = Boolean(settings.allowHalfOpen);
  Duplex.call(this, settings);

  this.on('end', onReadableEnd);
  this._sockname = null;
  this._pendingData = null;
  this._pendingEncoding = '';
  this.server = null;
  this._server = null;
  this[kSetNoDelay] = Boolean(settings.noDelay);
  this[kSetKeepAlive] = Boolean(settings.keepAlive);
  this[kSetKeepAliveInitialDelay] = Math.trunc((settings.keepAliveInitialDelay ?? 0) / 1000);
  if (HAS_TYPE_OF_SERVICE) this[kSetTypeOfService] = settings.typeOfService;
  else setState(this, kSetTypeOfService, settings.typeOfService);
  this[kBytesRead] = 0;
  this[kBytesWritten] = 0;

  if (settings.handle) {
    this[kHandle] = settings.handle instanceof BoundSocket ? settings.handle[kConsume]() : settings.handle;
  } else if (settings.fd !== undefined) {
    this[kHandle] = openHandle(settings.fd);
  }

  const { onread } = settings;
  if (onread !== null && typeof onread === 'object' && typeof onread.callback === 'function') {
    if (typeof onread.buffer === 'function') {
      this[kBuffer] = true;
      this[kBufferGenerator] = onread.buffer;
      this[kBufferCallback] = onread.callback;
    } else if (isUint8Array(onread.buffer)) {
      this[kBuffer] = onread.buffer;
      this[kBufferCallback] = onread.callback;
    }
  }

  const blockList = validatedBlockList(settings);
  if (blockList !== undefined) this.blockList = blockList;

  // An aborted `signal` has destroyed it already, which connect() is not to see.
  if (this[kHandle] || this.destroyed) this[kAttachHandle]();
  if (canRead(this[kHandle]) && settings.readable !== false) {
    if (settings.pauseOnCreate) {
      this[kHandle].reading = false;
      this._readableState.flowing = false;
    } else if (!settings.manualStart) {
      this.read(0);
    }
  }
}
Object.setPrototypeOf(Socket.prototype, hiddenPrototype);
Object.setPrototypeOf(Socket, Duplex);
acceptInstances(Socket, nodesNet.Socket);

// A bound handle has no connection to read from yet.
function canRead(handle) {
  return handle instanceof SocketHandle ? handle.native !== null : Boolean(handle);
}

function refuseObjectMode(settings) {
  const mode = ['objectMode', 'readableObjectMode', 'writableObjectMode'].find((name) => settings[name]);
  throw new ERR_INVALID_ARG_VALUE(`options.${mode}`, settings[mode], 'is not supported');
}

function openHandle(fd) {
  validateInt32(fd, 'fd', 0);
  const type = guessFdType(fd);
  if (type !== 'TCP' && type !== 'PIPE') throw new ERR_INVALID_FD_TYPE(type);
  const handle = type === 'TCP' ? new TCP() : new Pipe();
  const status = handle.open(fd);
  if (status < 0) throw errnoException(status, 'open');
  return handle;
}

// The socket takes over the handle in `_handle`; it also makes a closed socket usable again.
Socket.prototype[kAttachHandle] = function () {
  this._undestroy();
  this._sockname = null;
  this[kBytesRead] = 0;
  this[kBytesWritten] = 0;
  const handle = this[kHandle];
  if (!handle) return;
  if (handle instanceof SocketHandle) {
    handle.owner = this;
    handle.observer = streamObserver;
  } else {
    attachNodes(this, handle);
  }
  nextOwnBuffer(this);
};
Object.defineProperty(Socket.prototype, kAttachHandle, { enumerable: false });

function onReadableEnd() {
  if (!this.allowHalfOpen) this.write = writeAfterFin;
}

// The peer has ended, and this side ends with it: what is written now would be lost.
function writeAfterFin(chunk, encoding, callback) {
  if (!this.writableEnded) return Socket.prototype.write.call(this, chunk, encoding, callback);

  const done = typeof encoding === 'function' ? encoding : callback;
  const error = genericNodeError('This socket has been ended by the other party', { code: 'EPIPE' });
  if (typeof done === 'function') process.nextTick(done, error);
  this.destroy(error);
  return false;
}

Socket.prototype._onTimeout = function () {
  const handle = this[kHandle];
  const queueSize = this[kLastWriteQueueSize];
  // A large write that is still moving is traffic.
  if (queueSize > 0 && handle && handle.writeQueueSize !== queueSize) {
    this[kLastWriteQueueSize] = handle.writeQueueSize;
    this._unrefTimer();
    return;
  }
  this.emit('timeout');
};

Socket.prototype._read = function (size) {
  if (this.connecting || !this[kHandle]) this.once('connect', () => this._read(size));
  else if (!this[kHandle].reading) tryReadStart(this);
};

Socket.prototype.read = function (size) {
  resumeOwnBuffer(this);
  return Duplex.prototype.read.call(this, size);
};

Socket.prototype.resume = function () {
  resumeOwnBuffer(this);
  return Duplex.prototype.resume.call(this);
};

Socket.prototype.pause = function () {
  if (this[kBuffer] && !this.connecting && this[kHandle]?.reading) {
    this[kHandle].reading = false;
    if (!this.destroyed) this[kHandle].readStop();
  }
  return Duplex.prototype.pause.call(this);
};

// The socket that a write() without a callback is under way on: a callback must not run before the kernel has the bytes, or
// the refusal.
let gathering = null;

// Node's prototype has none of its own.
hiddenPrototype.write = function write(chunk, encoding, callback) {
  const before = gathering;
  gathering = typeof callback !== 'function' && typeof encoding !== 'function' ? this : null;
  try {
    return Duplex.prototype.write.call(this, chunk, encoding, callback);
  } finally {
    gathering = before;
  }
};

Socket.prototype._write = function (chunk, encoding, callback) {
  const handle = this[kHandle];
  if (!handle || this.connecting || this[kCopies] !== null) {
    this._writeGeneric(false, chunk, encoding, callback);
    return;
  }
  const { writer } = handle;
  if (encoding === 'buffer' && typeof chunk === 'string') {
    // As Node's native code.
    const error = new TypeError('Second argument must be a buffer');
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }
  if (writer === undefined) {
    writeToNodes.call(this, false, chunk, encoding, callback);
  } else if (gathering === this && writer.gather(chunk, encoding)) {
    this._unrefTimer();
    callback();
  } else if (writer.isIdle) {
    this._unrefTimer();
    const rest = writer.writeNow(chunk, encoding);
    this[kLastWriteQueueSize] = Math.max(rest, 0);
    if (rest === 0) callback(null);
    else if (rest < 0) callback(errnoException(rest, 'write'));
    else writer.onWritten = inContext('WRITEWRAP', afterWrite(this, callback));
  } else {
    this._writeGeneric(false, chunk, encoding, callback);
  }
};

Socket.prototype._writev = function (chunks, callback) {
  this._writeGeneric(true, chunks, '', callback);
};

Socket.prototype._writeGeneric = function (writev, data, encoding, callback) {
  if (this.connecting) {
    writeWhenConnected(this, writev, data, encoding, callback);
    return;
  }
  this._pendingData = null;
  this._pendingEncoding = '';
  if (!this[kHandle]) {
    callback(new ERR_SOCKET_CLOSED());
    return false;
  }
  if (!(this[kHandle] instanceof SocketHandle))
    return writeToNodes.call(this, writev, data, encoding, callback);
  this._unrefTimer();
  if (writev && this[kCopies]?.size > 0) {
    writeInTurn(this, data, callback);
    return;
  }

  const bytes = writev
    ? data.map(({ chunk, encoding }) => toBytes(chunk, encoding))
    : toBytes(data, encoding);
  const handle = this[kHandle];
  const { writer } = handle;
  let done = afterWrite(this, callback);
  const onDone = (status, async) => done(status, async);
  const copies = writev ? undefined : this[kCopies]?.get(data);
  if (copies === undefined) writer.write(bytes, onDone);
  else writer.writeWithDescriptors(bytes, copies, onDone);
  if (writer.onWritten === null) {
    this[kLastWriteQueueSize] = 0;
  } else {
    done = inContext('WRITEWRAP', done);
    this[kLastWriteQueueSize] = handle.writeQueueSize;
  }
};

/** As `done`, called later in the context of now (AsyncLocalStorage). `type` is that of async_hooks. */
function inContext(type, done) {
  const resource = new AsyncResource(type);
  return (...args) => resource.runInAsyncScope(done, undefined, ...args);
}

/** What is told how a write has ended: a status, and whether it comes later than the call. */
function afterWrite(socket, callback) {
  return (status, async) => {
    if (socket.destroyed && async && !REPORTS_CANCELLED_WRITES) callback(null);
    else if (status < 0) callback(errnoException(status, 'write'));
    else {
      if (async) {
        socket._unrefTimer();
        socket[kLastWriteQueueSize] = 0;
      }
      callback(null);
    }
  };
}

function writeWhenConnected(socket, writev, data, encoding, callback) {
  socket._pendingData = data;
  socket._pendingEncoding = encoding;
  const onClose = () => callback(new ERR_SOCKET_CLOSED_BEFORE_CONNECTION());
  socket.once('connect', function () {
    this.off('close', onClose);
    this._writeGeneric(writev, data, encoding, callback);
  });
  socket.once('close', onClose);
}

Socket.prototype._final = function (callback) {
  if (this.connecting || (!this[kHandle] && !FINISHES_UNCONNECTED)) {
    this.once('connect', () => this._final(callback));
  } else if (!this[kHandle]) {
    callback();
  } else if (!(this[kHandle] instanceof SocketHandle)) {
    endNodes.call(this, callback);
  } else {
    this[kHandle].shutdown(inContext('SHUTDOWNWRAP', callback));
  }
};

defineDescriptorMethods(hiddenPrototype);

Socket.prototype._destroy = function (error, callback) {
  this.connecting = false;
  for (let socket = this; socket !== null && socket !== undefined; socket = socket._parent) {
    clearTimeout(socket[kTimeout]);
  }

  const handle = this[kHandle];
  if (handle) {
    this[kBytesRead] += handle.bytesRead;
    this[kBytesWritten] += handle.bytesWritten;
    const hadError = Boolean(error);
    const emitClose = () => this.emit('close', hadError);
    if (this.resetAndClosing) {
      this.resetAndClosing = false;
      const status = handle.reset(emitClose);
      if (status < 0) this.emit('error', errnoException(status, 'reset'));
      this[kHandle] = null;
      this._sockname = null;
    } else if (this._closeAfterHandlingError) {
      globalThis.queueMicrotask(() => {
        handle.close(emitClose);
        this[kHandle] = null;
        this._sockname = null;
      });
    } else {
      handle.close(emitClose);
      this[kHandle] = null;
      this._sockname = null;
    }
    callback(error);
  } else {
    callback(error);
    process.nextTick(() => this.emit('close'));
  }

  if (this._server) {
    this._server._connections--;
    this._server._emitCloseIfDrained?.();
  }
};

Socket.prototype.resetAndDestroy = function () {
  if (!this[kHandle]) {
    this.destroy(new ERR_SOCKET_CLOSED());
  } else {
    if (typeof this[kHandle].reset !== 'function' || this[kHandle] instanceof Pipe) {
      throw trimStack(new ERR_INVALID_HANDLE_TYPE(), Socket.prototype.resetAndDestroy);
    }
    if (this.connecting) this.once('connect', () => this._reset());
    else this._reset();
  }
  return this;
};

Socket.prototype.ref = function () {
  if (this[kHandle]) this[kHandle].ref();
  else this.once('connect', this.ref);
  return this;
};

Socket.prototype.unref = function () {
  if (this[kHandle]) this[kHandle].unref();
  else this.once('connect', this.unref);
  return this;
};

defineProperties(Socket);

module.exports = { Socket };
