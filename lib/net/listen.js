'use strict';

// server.listen(): its argument forms, and the handles it opens.

const diagnostics = require('node:diagnostics_channel');
const fs = require('node:fs');
const dns = require('node:dns');

const { ERR_INVALID_ARG_VALUE, ERR_SERVER_ALREADY_LISTEN } = require('../internal/errors');
const { exceptionWithHostPort, uvExceptionWithHostPort } = require('../internal/system-errors');
const {
  validateAbortSignal,
  validateBoolean,
  validateObject,
  validatePort,
  validateUint32,
} = require('../internal/validators');
const { errno: ERRNO } = require('node:os').constants;
const { bindListener } = require('./adopted-listener');
const { normalizeArguments, isPath, toNumber } = require('./arguments');
const { BoundSocket } = require('./bound-socket');
const { askPrimary, isClusterWorker } = require('./cluster');
const { guessFdType } = require('./descriptor-type');
const { defineHidden } = require('./hidden-state');
const { IPV6_ONLY, REUSE_PORT, SocketHandle, TCP, Pipe } = require('./handle');
const { kConsume, kHandle, kPathOptions } = require('./symbols');
const { Server, handleOf, listenerObserver, setHandle } = require('./server');

// Node's, which is glibc's SOMAXCONN of old: the kernel lowers it to its own limit.
const DEFAULT_BACKLOG = 511;
const PORT_OF_PATH = -1;
const ANY_IPV6 = '::';
const ANY_IPV4 = '0.0.0.0';

const listenChannel = diagnostics.tracingChannel('net.server.listen');

Server.prototype.listen = function (...args) {
  const [first, callback] = normalizeArguments(args);
  let options = first;
  if (handleOf(this)) throw new ERR_SERVER_ALREADY_LISTEN();
  if (callback !== null) this.once('listening', callback);

  if (listenChannel.hasSubscribers) listenChannel.asyncStart.publish({ server: this, options });
  const backlog = toNumber(args.length > 1 && args[1]) || toNumber(args.length > 2 && args[2]);
  options = (options[kHandle] ?? options._handle) || options.handle || options;
  if (options instanceof BoundSocket) options = adopt(this, options);
  // What is being looked up for an earlier call is not listened on any more.
  this._listeningId++;
  const flags = (options.ipv6Only === true ? IPV6_ONLY : 0) | (options.reusePort === true ? REUSE_PORT : 0);

  // Of a UNIX socket that is in use Node takes the descriptor, which then turns out to be watched already.
  const isOurs = options instanceof SocketHandle && !(options instanceof Pipe && options.native !== null);
  if (isOurs || isNodesTcp(options)) {
    setHandle(this, options);
    listenOn(this, { handle: options, backlog, exclusive: true });
    return this;
  }
  addAbortSignal(this, options);
  if (typeof options.fd === 'number' && options.fd >= 0) {
    if (!(options instanceof SocketHandle)) refusePathOptions(options);
    listenOn(this, { fd: options.fd, backlog });
    return this;
  }

  // listen() and listen(cb) ask for any port.
  const isBare = args.length === 0 || typeof args[0] === 'function';
  const isPortGivenEmpty = options.port === undefined && 'port' in options;
  // In the program's own object, as Node.
  if (isBare || isPortGivenEmpty || options.port === null) options.port = 0;

  if (typeof options.port === 'number' || typeof options.port === 'string') {
    validatePort(options.port, 'options.port');
    refusePathOptions(options);
    if (options.reusePort === true) options.exclusive = true;
    const target = {
      port: options.port | 0,
      backlog: options.backlog || backlog,
      flags,
      exclusive: options.exclusive,
    };
    if (options.host) lookupAndListen(this, { ...target, host: options.host });
    else listenOn(this, { ...target, address: null, version: 4 });
    return this;
  }

  if (options.path && isPath(options.path)) {
    if (options.path[0] === '\0' && (options.readableAll || options.writableAll)) {
      // Node's text, letter for letter.
      const reason = 'can not set readableAll or writableAllt to true when path is abstract unix socket';
      throw new ERR_INVALID_ARG_VALUE('options', options, reason);
    }
    this._pipeName = options.path;
    const pathOptions = validatedPathOptions(options);
    defineHidden(this, kPathOptions, pathOptions);
    listenOn(this, {
      address: options.path,
      port: PORT_OF_PATH,
      version: -1,
      backlog: options.backlog || backlog,
      exclusive: Boolean(options.exclusive) || hasOwnOptions(pathOptions),
      query: { readableAll: options.readableAll, writableAll: options.writableAll },
    });
    widenMode(this, options);
    return this;
  }

  if (!('port' in options || 'path' in options)) {
    throw new ERR_INVALID_ARG_VALUE('options', options, 'must have the property "port" or "path"');
  }
  throw new ERR_INVALID_ARG_VALUE('options', options);
};

// Node's class is private.
function isNodesTcp(handle) {
  return (
    handle.constructor?.name === 'TCP' && typeof handle.fd === 'number' && !(handle instanceof SocketHandle)
  );
}

function adopt(server, bound) {
  if (bound.isPipe) server._pipeName = bound.address();
  return bound[kConsume]();
}

function addAbortSignal(server, { signal }) {
  if (signal === undefined) return;
  validateAbortSignal(signal, 'options.signal');
  const onAborted = () => server.close();
  if (signal.aborted) {
    process.nextTick(onAborted);
  } else {
    signal.addEventListener('abort', onAborted, { once: true });
    server.once('close', () => signal.removeEventListener('abort', onAborted));
  }
}

// What the file is to be from the moment others can see it: the option `oxipc`, a name that nobody else uses.
function validatedPathOptions({ oxipc }) {
  if (oxipc == null) return {};
  validateObject(oxipc, 'options.oxipc');
  const { mode, uid, gid, takeOver } = oxipc;
  if (mode !== undefined) validateUint32(mode, 'options.oxipc.mode');
  if (uid !== undefined) validateUint32(uid, 'options.oxipc.uid');
  if (gid !== undefined) validateUint32(gid, 'options.oxipc.gid');
  if (takeOver !== undefined) validateBoolean(takeOver, 'options.oxipc.takeOver');
  return { mode, uid, gid, takeOver };
}

function refusePathOptions(options) {
  if (hasOwnOptions(validatedPathOptions(options)))
    throw new ERR_INVALID_ARG_VALUE('options.oxipc', options.oxipc, 'is for a path only');
}

// What the primary process of a cluster knows nothing of.
function hasOwnOptions(pathOptions) {
  return Object.values(pathOptions).some((value) => value !== undefined);
}

// listen({ path, readableAll, writableAll })
function widenMode(server, { path, readableAll, writableAll }) {
  if (!readableAll && !writableAll) return;
  if (!handleOf(server)) return;
  const { S_IRGRP, S_IROTH, S_IWGRP, S_IWOTH } = fs.constants;
  const { mode } = fs.statSync(path);
  const readable = readableAll ? S_IRGRP | S_IROTH : 0;
  const writable = writableAll ? S_IWGRP | S_IWOTH : 0;
  fs.chmodSync(path, mode | readable | writable);
}

function lookupAndListen(server, target) {
  const listeningId = server._listeningId;
  dns.lookup(target.host, { all: true }, (error, addresses) => {
    // close() meanwhile.
    if (listeningId !== server._listeningId) return;
    if (error) {
      server.emit('error', error);
      return;
    }
    const { address, family } = addresses.find((found) => !isLinkLocal(found.address)) ?? addresses[0];
    listenOn(server, { ...target, address, version: family || 4 });
  });
}

// fe80::/10 means nothing without a zone, which names do not have.
function isLinkLocal(address) {
  return /^fe[89ab][0-9a-f]:/i.test(address);
}

function listenOn(server, target) {
  const { address = null, port = null, version, backlog, fd, flags, exclusive } = target;
  if (exclusive || !isClusterWorker()) {
    server._listen2(address, port, version, backlog, fd, flags);
    return;
  }
  const listeningId = server._listeningId;
  const query = { address, port, addressType: version ?? null, fd, flags, backlog, ...target.query };
  askPrimary(server, query, (status, handle) => {
    if (listeningId !== server._listeningId) {
      handle?.close();
    } else if (status) {
      handle?.close();
      server.emit('error', exceptionWithHostPort(status, 'bind', address, port));
    } else {
      handleOf(server)?.close();
      setHandle(server, handle);
      server._listen2(address, port, version, backlog, fd, flags);
    }
  });
}

// The name under which programs have come to override it.
Server.prototype._listen2 = function setupListenHandle(address, port, addressType, backlog, fd, flags) {
  const isAny = !handleOf(this) && !address && typeof fd !== 'number';
  const opened =
    handleOf(this) ?? createServerHandle(address, port, addressType, fd, flags, this[kPathOptions]);
  // Of all addresses an error names the one that was tried last.
  const tried = isAny ? (opened.version === 6 ? ANY_IPV6 : ANY_IPV4) : address;
  const fail = (status) => {
    const error = uvExceptionWithHostPort(status, 'listen', tried, port);
    if (listenChannel.hasSubscribers) listenChannel.error.publish({ server: this, error });
    process.nextTick(() => this.emit('error', error));
  };
  if (typeof opened === 'number') {
    fail(opened);
    return;
  }

  setHandle(this, opened);
  if (opened instanceof SocketHandle) {
    opened.owner = this;
    opened.observer = listenerObserver;
  } else {
    bindListener(opened, this, listenerObserver);
  }
  if (this._unref) this.unref();
  // As Node, whose native code makes a number of whatever it is given.
  const status = opened.listen(+(backlog || DEFAULT_BACKLOG) | 0);
  if (status !== 0) {
    opened.close();
    setHandle(this, null);
    fail(status);
    return;
  }
  this._connectionKey = connectionKey(this.address());
  if (listenChannel.hasSubscribers) listenChannel.asyncEnd.publish({ server: this });
  process.nextTick(() => {
    // close() in the same tick.
    if (handleOf(this)) this.emit('listening');
  });
};

// By which a child process counts the sockets of this server that it has got: Node's form, with the port that was found free.
function connectionKey(address) {
  if (typeof address === 'string' || address === null) return `-1:${address}:-1`;
  return `${address.family === 'IPv6' ? 6 : 4}:${address.address}:${address.port}`;
}

// Returns a bound handle or a negative errno.
function createServerHandle(address, port, version, fd, flags = 0, pathOptions = undefined) {
  if (typeof fd === 'number' && fd >= 0) return adoptListener(fd);
  if (port === PORT_OF_PATH && version === -1) {
    const handle = new Pipe();
    const status = handle.bindPath(address, pathOptions);
    return status < 0 ? discard(handle, status) : handle;
  }
  if (!address) return openAny(port, flags);
  const handle = new TCP();
  const status =
    version === 6 ? handle.bind6(address, port, flags) : handle.bind(address, port, flags & ~IPV6_ONLY);
  return status < 0 ? discard(handle, status) : handle;
}

// All addresses: IPv6 and IPv4 in one socket, or IPv4 where there is no IPv6.
function openAny(port, flags) {
  const handle = new TCP();
  if (handle.bind6(ANY_IPV6, port, flags) === 0) return handle;
  handle.close();
  const ipv4 = new TCP();
  const status = ipv4.bind(ANY_IPV4, port, flags & ~IPV6_ONLY);
  return status < 0 ? discard(ipv4, status) : ipv4;
}

function discard(handle, status) {
  handle.close();
  return status;
}

function adoptListener(fd) {
  // Native code would take another number for it.
  const type = (fd | 0) === fd ? guessFdType(fd) : 'UNKNOWN';
  if (type !== 'TCP' && type !== 'PIPE') return -ERRNO.EINVAL;
  const handle = type === 'TCP' ? new TCP() : new Pipe();
  handle.hold(fd);
  return handle;
}

module.exports = { createServerHandle };
