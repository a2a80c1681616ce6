'use strict';

// net.Server: accepts connections; what it listens on is worked out in listen.js.

const diagnostics = require('node:diagnostics_channel');
const nodesNet = require('node:net');
const { EventEmitter, captureRejectionSymbol } = require('node:events');
const { getDefaultHighWaterMark } = require('node:stream');
const { setTimeout } = require('node:timers');

const { ERR_INVALID_ARG_TYPE, ERR_SERVER_NOT_RUNNING } = require('../internal/errors');
const { nodeMajor } = require('../internal/node-version');
const { errnoException } = require('../internal/system-errors');
const { validateNumber } = require('../internal/validators');
const { validatedBlockList } = require('./block-list');
const { listenerForOthers } = require('./adopted-listener');
const { SocketHandle } = require('./handle');
const { defineHidden } = require('./hidden-state');
const { acceptInstances, isInstance } = require('./instances');
const { Socket } = require('./socket');
const { kHandle, kSetKeepAlive, kSetKeepAliveInitialDelay, kSetNoDelay } = require('./symbols');

const serverSocketChannel = diagnostics.channel('net.server.socket');
// How long accepting rests when the system has no descriptors or memory left.
const ACCEPT_PAUSE_MS = 100;

// `server._handle` as others see it while there is one; without one it is a plain null, as in Node.
const HANDLE_PROPERTY = {
  configurable: true,
  enumerable: true,
  get() {
    return listenerForOthers(this);
  },
  set(value) {
    setHandle(this, value);
  },
};

/** The server's handle: ours, or one of Node's. */
function handleOf(server) {
  return server[kHandle] ?? server._handle;
}

function setHandle(server, handle) {
  defineHidden(server, kHandle, handle);
  const empty = { configurable: true, enumerable: true, writable: true, value: null };
  Object.defineProperty(server, '_handle', handle === null ? empty : HANDLE_PROPERTY);
}

function Server(options, connectionListener) {
  if (!isInstance(this, Server)) return new Server(options, connectionListener);

  let settings = {};
  if (typeof options === 'function') {
    connectionListener = options;
  } else if (options === undefined || options === null || typeof options === 'object') {
    settings = { ...options };
  } else {
    throw new ERR_INVALID_ARG_TYPE('options', 'Object', options);
  }
  EventEmitter.call(this);
  if (typeof connectionListener === 'function') this.on('connection', connectionListener);
  if (settings.keepAliveInitialDelay !== undefined) {
    validateNumber(settings.keepAliveInitialDelay, 'options.keepAliveInitialDelay');
    if (settings.keepAliveInitialDelay < 0) settings.keepAliveInitialDelay = 0;
  }

  if (settings.highWaterMark !== undefined) {
    validateNumber(settings.highWaterMark, 'options.highWaterMark');
    if (settings.highWaterMark < 0) settings.highWaterMark = undefined;
  }

  this._connections = 0;
  this._handle = null;
  this._usingWorkers = false;
  this._workers = [];
  this._unref = false;
  this._listeningId = 1;
  this.allowHalfOpen = settings.allowHalfOpen || false;
  this.pauseOnConnect = Boolean(settings.pauseOnConnect);
  this.noDelay = Boolean(settings.noDelay);
  this.keepAlive = Boolean(settings.keepAlive);
  this.keepAliveInitialDelay = Math.trunc((settings.keepAliveInitialDelay ?? 0) / 1000);
  this.highWaterMark = settings.highWaterMark ?? getDefaultHighWaterMark(false);
  const blockList = validatedBlockList(settings);
  if (blockList !== undefined) this.blockList = blockList;
}
Object.setPrototypeOf(Server.prototype, nodesNet.Server.prototype);
Object.setPrototypeOf(Server, EventEmitter);
acceptInstances(Server, nodesNet.Server);

function createServer(options, connectionListener) {
  return new Server(options, connectionListener);
}

Server.prototype[captureRejectionSymbol] = function (error, event, socket) {
  if (event === 'connection') socket.destroy(error);
  else this.emit('error', error);
};

Object.defineProperty(Server.prototype, 'listening', {
  configurable: true,
  enumerable: true,
  get() {
    return Boolean(handleOf(this));
  },
});

Server.prototype.address = function () {
  if (handleOf(this)?.getsockname) {
    const out = {};
    const status = handleOf(this).getsockname(out);
    if (status) throw errnoException(status, 'address');
    return out;
  }
  // A path stays when the server has closed, as in Node.
  return this._pipeName ?? null;
};

Server.prototype.getConnections = function (callback) {
  if (this._usingWorkers && this._workers.length > 0) countWithWorkers(this, callback);
  else process.nextTick(callback, null, this._connections);
  return this;
};

function countWithWorkers(server, callback) {
  let left = server._workers.length;
  let total = server._connections;
  const onCount = (error, count) => {
    if (left <= 0) return;
    left = error ? 0 : left - 1;
    total += count ?? 0;
    if (left === 0) process.nextTick(callback, error ?? null, error ? undefined : total);
  };
  for (const list of server._workers) list.getConnections(onCount);
}

Server.prototype.close = function (callback) {
  if (typeof callback === 'function') {
    if (handleOf(this)) {
      this.once('close', callback);
    } else {
      this.once('close', () => callback(new ERR_SERVER_NOT_RUNNING()));
    }
  }
  if (handleOf(this)) {
    handleOf(this).close();
    setHandle(this, null);
  } else {
    this._listeningId++;
  }
  if (this._usingWorkers) closeWithWorkers(this);
  else this._emitCloseIfDrained();
  return this;
};

if (Symbol.asyncDispose) {
  Server.prototype[Symbol.asyncDispose] = async function () {
    if (!handleOf(this)) return;
    await new Promise((resolve, reject) => this.close((error) => (error ? reject(error) : resolve())));
  };
}

Server.prototype._emitCloseIfDrained = function () {
  if (handleOf(this) || this._connections) return;
  process.nextTick(() => this.emit('close'));
};

Server.prototype.ref = function () {
  this._unref = false;
  handleOf(this)?.ref();
  return this;
};

Server.prototype.unref = function () {
  this._unref = true;
  handleOf(this)?.unref();
  return this;
};

Object.defineProperty(Server.prototype, '_setupWorker', {
  configurable: true,
  enumerable: true,
  writable: true,
  // `list` stands for the sockets that were handed to one child process; see child_process/socket-list.js.
  value(list) {
    this._usingWorkers = true;
    this._workers.push(list);
    list.once('exit', () => this._workers.splice(this._workers.indexOf(list), 1));
  },
});

// 'close' waits for the sockets that the children have. One more connection is counted meanwhile, so that it comes once.
function closeWithWorkers(server) {
  let left = server._workers.length;
  if (left === 0) {
    server._emitCloseIfDrained();
    return;
  }
  server._connections++;
  const onClosed = () => {
    if (--left > 0) return;
    server._connections = 0;
    server._emitCloseIfDrained();
  };
  for (const list of [...server._workers]) list.close(onClosed);
}

// Runs on the listener's events.
const listenerObserver = {
  connection(server, accepted) {
    if (refuse(server, accepted)) return;

    const socket = new Socket({
      handle: accepted,
      allowHalfOpen: server.allowHalfOpen,
      pauseOnCreate: server.pauseOnConnect,
      readableHighWaterMark: server.highWaterMark,
      writableHighWaterMark: server.highWaterMark,
    });
    if (server.noDelay && accepted.setNoDelay) {
      socket[kSetNoDelay] = true;
      accepted.setNoDelay(true);
    }
    if (server.keepAlive && accepted.setKeepAlive) {
      socket[kSetKeepAlive] = true;
      socket[kSetKeepAliveInitialDelay] = server.keepAliveInitialDelay;
      accepted.setKeepAlive(true, server.keepAliveInitialDelay);
    }
    server._connections++;
    socket.server = server;
    socket._server = server;
    server.emit('connection', socket);
    if (serverSocketChannel.hasSubscribers) serverSocketChannel.publish({ socket });
  },

  failed(server, status) {
    const handle = handleOf(server);
    // Node's goes on by itself.
    if (handle instanceof SocketHandle) {
      const timer = setTimeout(() => handle.native.resume(), ACCEPT_PAUSE_MS);
      // In place of the watch, which keeps a process with a server alive.
      if (!handle.referenced) timer.unref();
    }
    server.emit('error', errnoException(status, 'accept'));
  },
};

// On Node 20 a limit of 0 means none.
const isLimit = (limit) => (nodeMajor > 20 ? limit !== undefined && limit !== null : Boolean(limit));

// Closes what is over the limit or on the block list.
function refuse(server, accepted) {
  const { maxConnections } = server;
  if (isLimit(maxConnections) && server._connections >= maxConnections) {
    const data = accepted.getpeername ? [describeEnds(accepted)] : [];
    accepted.close();
    server.emit('drop', ...data);
    return true;
  }
  if (server.blockList === undefined || !isOnBlockList(server.blockList, accepted)) return false;
  accepted.close();
  return true;
}

function isOnBlockList(blockList, accepted) {
  const peer = {};
  if (accepted.getpeername?.(peer) !== 0 || !peer.family) return false;
  return blockList.check(peer.address, peer.family.toLowerCase());
}

function describeEnds(accepted) {
  const [local, remote] = [{}, {}];
  accepted.getsockname(local);
  accepted.getpeername(remote);
  return {
    localAddress: local.address,
    localPort: local.port,
    localFamily: local.family,
    remoteAddress: remote.address,
    remotePort: remote.port,
    remoteFamily: remote.family,
  };
}

module.exports = { Server, createServer, handleOf, listenerObserver, setHandle };
