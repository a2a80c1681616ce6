'use strict';

// The handle of a socket or a server: a descriptor, first bare, then a stream or a listener. Members that Node's handles have
// too have their names: a socket's handle may be Node's (adoption.js). Statuses are 0 or libuv's negative errno.

const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks');
const { errno: ERRNO } = require('node:os').constants;
const { setImmediate } = require('node:timers');

const native = require('../native');
const { ACCESS_DENIED, isNetDenied, requireNetPermission } = require('../internal/permission');
const memory = require('../internal/read-memory');
const { isIP } = require('./ip');
const { sharedSymbol } = require('../internal/shared');
const { Writer } = require('./writer');

const EBADF = -ERRNO.EBADF;
const EINVAL = -ERRNO.EINVAL;

// Kinds of events; see src/binding/stream.rs and src/binding/net/listener.rs.
const READ = 0;
const END = 1;
const WRITTEN = 2;
const CONNECTED = 3;
const CLOSED = 4;
const SHUTDOWN = 8;
const LISTENER_CONNECTION = 0;
const LISTENER_FAILED = 1;

// Descriptors up to this one stay open, as with libuv: the next file that is opened would take the number.
const STDERR = 2;

// Of a kind. To make a native stream, its wrapper, finalizer and references, is a seventh of what a short connection costs.
const SPARE_STREAMS_MAX = 64;

const IPV6_ONLY = 1;
const REUSE_PORT = 2;
// libuv's: between probes, and how many. Seconds.
const KEEP_ALIVE_INTERVAL = 1;
const KEEP_ALIVE_COUNT = 10;
// libuv's for what is asked for before there is a descriptor.
const EARLY_KEEP_ALIVE_DELAY = 60;

// An accepted socket's own events belong to nobody's AsyncLocalStorage, as in Node; 'connection' belongs to the server's. The
// program may be in one of its own when it first loads us.
const outsideOfContext = native.outsideOfAsyncContext(() => AsyncLocalStorage.snapshot());

// So much is not read unless somebody takes what was read before, and of less it would not be worth while.
const BULK_BYTES = 1024 * 1024;

class SocketHandle {
  // The observer's methods: read(handle, chunk), end(handle, status), failed(handle, status), descriptors(handle) for a stream;
  // connection(owner, accepted), failed(owner, status) for a listener.
  observer = null;
  owner = null;
  reading = false;
  bytesRead = 0;
  native = null;
  // Made by the first write: most connections of a server that has many are silent.
  madeWriter = null;
  // The descriptor while it is neither stream nor listener.
  bareFd = -1;
  // Of the IP of a TCP socket; 0 before there is one.
  version = 0;
  referenced = true;
  closed = false;
  onClosed = null;
  // Whose async context the stream gets; null for that in which it is opened.
  resource = null;
  // What is to be told, when the handle has closed, of writes that were under way.
  cancelled = null;
  onConnected = null;
  onShutdown = null;
  asyncId = 0;
  // As libuv: an address in use is not known before listen() or connect().
  delayedError = 0;
  // 0 for none.
  readLimit = 0;
  // Called once, when what is read is much and somebody takes it.
  onBulk = null;
  // The handle of Node's that gets the descriptor once it is connected; null while nobody has asked for one.
  successor = null;
  // In a cluster worker: the handle that the primary process knows.
  shared = null;
  backlog = 0;

  get fd() {
    return this.native === null ? this.bareFd : this.native.fd;
  }

  // Becomes a stream on a connected descriptor; `made`: a socket that native has made. One that is refused is closed with the
  // handle.
  open(fd, made = false) {
    this.native = this.#openStream(fd, made);
    this.bareFd = this.native.status === 0 ? -1 : fd;
    if (!this.referenced) this.native.setRef(false);
    if (this.readLimit > 0) this.native.limitReads(this.readLimit);
    return this.native.status;
  }

  #openStream(fd, made) {
    const { resource } = this;
    if (resource === null) return openStream(fd, made, this);
    this.resource = null;
    return resource.runInAsyncScope(openStream, undefined, fd, made, this);
  }

  // The stream is opened in another turn, and belongs to this one.
  rememberContext() {
    this.resource = new AsyncResource(this.constructor.streamType);
  }

  // No read brings more bytes than that.
  limitReads(bytes) {
    this.readLimit = bytes;
    this.native?.limitReads?.(bytes);
  }

  // Takes a descriptor without using it yet.
  hold(fd) {
    this.bareFd = fd;
  }

  listen(backlog) {
    requireNetPermission();
    this.backlog = backlog;
    // listen() again while the first call was looking up its host.
    if (this.native instanceof native.ListenerHandle) return this.native.listen(backlog);
    if (this.bareFd < 0) return EBADF;
    if (this.delayedError !== 0) return this.delayedError;
    this.native = new native.ListenerHandle(
      this.bareFd,
      this,
      onListenerEvent,
      this.constructor.listenerType,
    );
    this.bareFd = -1;
    if (this.native.status !== 0) return this.native.status;
    if (!this.referenced) this.native.setRef(false);
    return this.native.listen(backlog);
  }

  readStart() {
    return this.native === null ? -ERRNO.ENOTCONN : this.native.readStart();
  }

  readStop() {
    this.native?.readStop();
    return 0;
  }

  get writer() {
    this.madeWriter ??= new Writer(this.native, (status) => this.observer?.failed(this, status));
    return this.madeWriter;
  }

  // Ends the writing side once everything has left, and calls back when libuv would, unless it is closed before; at once when
  // there is none.
  shutdown(callback) {
    if (this.closed || this.native === null) {
      callback();
      return;
    }
    this.onShutdown = callback;
    if (this.madeWriter === null) this.native.shutdown();
    else this.madeWriter.shutdown();
  }

  get writeQueueSize() {
    return this.native === null ? 0 : this.native.pendingBytes;
  }

  get bytesWritten() {
    return this.madeWriter === null ? 0 : this.madeWriter.bytesWritten;
  }

  ref() {
    this.#setRef(true);
  }

  unref() {
    this.#setRef(false);
  }

  hasRef() {
    return this.referenced && !this.closed;
  }

  #setRef(on) {
    this.referenced = on;
    this.native?.setRef(on);
  }

  // Closes the descriptor at once and calls back in the loop's closing phase.
  close(callback) {
    if (this.closed) return;
    this.closed = true;
    this.onClosed = callback;
    this.observer = null;
    this.cancelled = this.madeWriter?.close() ?? null;
    if (this.bareFd > STDERR) native.closeDescriptor(this.bareFd);
    this.bareFd = -1;
    this.onShutdown = null;
    if (callback) this.native ??= this.#openStream(-1, false);
    // A descriptor that was refused has no stream to tell of it.
    if (!this.native?.close(true) && callback) setImmediate(callback);
    // Behind the stream's, since libuv finishes what was closed last first: with the callback the successor is closed too.
    this.successor?.close();
  }

  // As close(), with a reset of the connection.
  reset(callback) {
    const status = native.resetOnClose(this.fd);
    if (status === 0) this.close(callback);
    return status;
  }

  getAsyncId() {
    if (this.asyncId === 0) this.asyncId = new AsyncResource(this.constructor.streamType).asyncId();
    return this.asyncId;
  }

  // Gives up the descriptor, which stays open and is no longer watched; -1 when closed.
  detach() {
    this.madeWriter?.close();
    const fd = this.native === null ? this.bareFd : this.native.detach();
    native.releaseDescriptor(fd);
    this.bareFd = -1;
    this.closed = true;
    return fd;
  }

  // Calls `action` in the async context of the stream's or the listener's events.
  runInContext(action) {
    if (this.native !== null) return this.native.runInContext(action);
    return this.resource === null ? action() : this.resource.runInAsyncScope(action);
  }

  // Another native handle takes the stream's place: `make(fd)` gives it the descriptor and returns it. Its events are this
  // handle's; `writer` has the last word on writes. Returns a status, as open().
  takeOver(make, writer) {
    const fd = this.native.detach();
    this.native = make(fd);
    this.bareFd = this.native.status === 0 ? -1 : fd;
    this.madeWriter = writer;
    if (!this.referenced) this.native.setRef(false);
    return this.native.status;
  }

  // A connection of `fd` has begun. It is a stream already when the program connects what is connected.
  connecting(fd, made, onConnected) {
    const told = this.resource === null ? onConnected : AsyncResource.bind(onConnected, 'TCPCONNECTWRAP');
    const opened = this.native === null ? this.open(fd, made) : 0;
    if (opened === 0) this.onConnected = told;
    return opened;
  }
}

class TCP extends SocketHandle {
  static streamType = 'TCPWRAP';
  static listenerType = 'TCPSERVERWRAP';
  static spareStreams = [];

  #earlyKeepAlive = false;

  bind(address, port, flags = 0) {
    return this.#bind(4, address, port, flags);
  }

  bind6(address, port, flags = 0) {
    return this.#bind(6, address, port, flags);
  }

  // Where a connection is to come from: unlike a listener it is to learn at once that the port is not to be had, or is none.
  bindLocal(version, address, port) {
    const status = this.#bind(version, address, port, 0) || this.delayedError;
    if (status !== 0 || !(port > 0)) return status;
    const bound = native.localAddress(this.fd);
    return bound.port === port ? 0 : -ERRNO.EADDRINUSE;
  }

  #bind(version, address, port, flags) {
    if (isIP(address) !== version) return EINVAL;
    requireNetPermission();
    const opened = this.#openSocket(version);
    if (opened < 0) return opened;
    const status = native.bindSocket(
      this.fd,
      address,
      port,
      (flags & IPV6_ONLY) !== 0,
      (flags & REUSE_PORT) !== 0,
    );
    if (status !== -ERRNO.EADDRINUSE) return status;
    this.delayedError = status;
    return 0;
  }

  // Calls `onConnected(status)` once unless it returns an error.
  connect(version, address, port, onConnected) {
    if (isIP(address) !== version) return EINVAL;
    if (isNetDenied(address)) return ACCESS_DENIED;
    if (this.onConnected !== null) return -ERRNO.EALREADY;
    if (this.delayedError !== 0) return this.delayedError;
    const opened = this.#openSocket(version);
    if (opened < 0) return opened;
    const { fd } = this;
    const status = native.connectSocket(fd, address, port);
    // libuv reports a refusal later, other errors at once.
    if (status < 0 && status !== -ERRNO.ECONNREFUSED) return status;
    const refused = this.connecting(fd, this.version !== 0, onConnected);
    if (refused < 0) return refused;
    if (status === 0) this.native.awaitConnection();
    else this.native.reportConnection(status);
    return 0;
  }

  #openSocket(version) {
    if (this.fd >= 0) return 0;
    const fd = native.openSocket(version);
    if (fd >= 0) {
      this.bareFd = fd;
      this.version = version;
    }
    if (this.#earlyKeepAlive) this.setKeepAlive(true, EARLY_KEEP_ALIVE_DELAY);
    return fd;
  }

  getsockname(out) {
    return this.delayedError || describe(native.localAddress(this.fd), out);
  }

  getpeername(out) {
    return this.delayedError || describe(native.peerAddress(this.fd), out);
  }

  setNoDelay(on) {
    return native.setNoDelay(this.fd, on);
  }

  setKeepAlive(on, delay = 0, interval = KEEP_ALIVE_INTERVAL, count = KEEP_ALIVE_COUNT) {
    if (this.fd < 0) {
      this.#earlyKeepAlive = on;
      return 0;
    }
    // A delay of 0 leaves the operating system's own times.
    return native.setKeepAlive(this.fd, on, delay, interval, count);
  }

  setTypeOfService(value) {
    return native.setTypeOfService(this.fd, value);
  }

  getTypeOfService() {
    return native.getTypeOfService(this.fd);
  }
}

class Pipe extends SocketHandle {
  static streamType = 'PIPEWRAP';
  static listenerType = 'PIPESERVERWRAP';
  static spareStreams = [];

  // The name that close() gives back.
  boundPath = null;

  // Options: mode, uid, gid, takeOver; see BoundPathOptions in binding.d.ts.
  bindPath(path, options) {
    requireNetPermission(path);
    const fd = native.openSocket(0);
    if (fd < 0) return fd;
    this.bareFd = fd;
    this.boundPath = new native.BoundPathHandle(fd, path, options);
    return this.boundPath.status;
  }

  close(callback) {
    this.boundPath?.release();
    this.boundPath = null;
    super.close(callback);
  }

  connectPath(path, onConnected) {
    if (isNetDenied(path)) return ACCESS_DENIED;
    const made = this.fd < 0;
    if (made) {
      const opened = native.openSocket(0);
      if (opened < 0) return opened;
      this.bareFd = opened;
    }
    const { fd } = this;
    const status = native.connectSocketPath(fd, path);
    if (status === EINVAL) return status;
    const refused = this.connecting(fd, made, onConnected);
    if (refused < 0) return refused;
    // The kernel has connected a UNIX socket by then, or never will.
    this.native.reportConnection(status);
    return 0;
  }
}

function openStream(fd, made, handle) {
  const { spareStreams, streamType } = handle.constructor;
  const spare = spareStreams.pop();
  if (spare === undefined) return new native.StreamHandle(fd, made, handle, onStreamEvent, streamType);
  spare.reopen(fd, made, handle);
  return spare;
}

// The native half of a handle that has closed serves the next one. The handle keeps one that answers as after close().
function spareStream(handle) {
  const { native: stream, madeWriter: writer } = handle;
  const { spareStreams } = handle.constructor;
  if (spareStreams.length === SPARE_STREAMS_MAX || !(stream instanceof native.StreamHandle)) return;
  handle.native = ENDED_STREAM;
  if (writer !== null) writer.native = ENDED_STREAM;
  spareStreams.push(stream);
}

function onStreamEvent(kind, a, b) {
  switch (kind) {
    case READ: {
      this.bytesRead += b;
      if (this.onBulk !== null && this.bytesRead >= BULK_BYTES) callOnce(this);
      this.observer?.read(this, memory.take(a, b));
      return;
    }
    case END:
      this.observer?.end(this, a);
      return;
    case WRITTEN:
      this.madeWriter.written(a);
      return;
    case CONNECTED: {
      const { onConnected } = this;
      this.onConnected = null;
      onConnected?.(a);
      return;
    }
    case SHUTDOWN: {
      const { onShutdown } = this;
      this.onShutdown = null;
      onShutdown?.();
      return;
    }
    case CLOSED:
      spareStream(this);
      closed(this);
      return;
    default:
      this.observer?.descriptors?.(this);
  }
}

function callOnce(handle) {
  const { onBulk } = handle;
  handle.onBulk = null;
  onBulk();
}

function onListenerEvent(kind, status) {
  switch (kind) {
    case LISTENER_CONNECTION: {
      const accepted = new this.constructor();
      const opened = outsideOfContext(() => accepted.open(this.native.take(), true));
      if (opened === 0) {
        this.observer?.connection(this.owner, accepted);
      } else {
        accepted.close();
        this.observer?.failed(this.owner, opened);
      }
      return;
    }
    case LISTENER_FAILED:
      this.observer?.failed(this.owner, status);
      return;
    default:
      closed(this);
  }
}

function closed(handle) {
  const { onClosed, onConnected, cancelled } = handle;
  handle.onClosed = null;
  handle.onConnected = null;
  handle.cancelled = null;
  if (cancelled === null && onConnected === null) {
    onClosed?.();
    return;
  }
  const notices = (cancelled ?? []).map((done) => () => done(-ERRNO.ECANCELED, true));
  if (onConnected) notices.unshift(() => onConnected(-ERRNO.ECANCELED));
  if (onClosed) notices.push(onClosed);
  tellAll(notices);
}

// One that throws does not keep the others from being told.
function tellAll(notices) {
  let index = 0;
  try {
    while (index < notices.length) notices[index++]();
  } finally {
    if (index < notices.length) setImmediate(tellAll, notices.slice(index));
  }
}

function describe(info, out) {
  if (typeof info === 'number') return info;
  out.address = info.address;
  out.family = info.family;
  out.port = info.port;
  return 0;
}

// `instanceof` also of one of another copy of this module.
function brand(Class, name) {
  const kBrand = sharedSymbol(name);
  Object.defineProperty(Class.prototype, kBrand, { value: true });
  Object.defineProperty(Class, Symbol.hasInstance, { value: (handle) => handle?.[kBrand] === true });
}

brand(SocketHandle, 'kSocketHandle');
brand(TCP, 'kTCP');
brand(Pipe, 'kPipe');

// Never opened.
const ENDED_STREAM = new native.StreamHandle(-1, false, {}, onStreamEvent, 'PIPEWRAP');
ENDED_STREAM.close();

module.exports = { SocketHandle, TCP, Pipe, IPV6_ONLY, REUSE_PORT, onStreamEvent };
