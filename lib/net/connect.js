'use strict';

// How a socket connects: names are looked up, addresses tried one by one or, with autoSelectFamily, as in
// connect-multiple.js.

const dns = require('node:dns');
const diagnostics = require('node:diagnostics_channel');
const nodesNet = require('node:net');
const { errno: ERRNO } = require('node:os').constants;

const {
  ERR_INVALID_ADDRESS_FAMILY,
  ERR_INVALID_ARG_TYPE,
  ERR_INVALID_IP_ADDRESS,
  ERR_IP_BLOCKED,
  ERR_MISSING_ARGS,
} = require('../internal/errors');
const { nodeMajor } = require('../internal/node-version');
const { exceptionWithHostPort } = require('../internal/system-errors');
const {
  validateBoolean,
  validateFunction,
  validateInt32,
  validateNumber,
  validatePort,
  validateString,
} = require('../internal/validators');
const { completeReservation } = require('./adoption');
const { normalizeArguments, isNormalized } = require('./arguments');
const { connectMultiple } = require('./connect-multiple');
const { connectionError } = require('./connection-error');
const families = require('./family-selection');
const { SocketHandle, TCP, Pipe } = require('./handle');
const { isIP } = require('./ip');
const { Socket } = require('./socket');
const {
  kAttachHandle,
  kHandle,
  kSetKeepAlive,
  kSetKeepAliveCount,
  kSetKeepAliveInitialDelay,
  kSetKeepAliveInterval,
  kSetNoDelay,
  kSetTypeOfService,
} = require('./symbols');

const clientSocketChannel = diagnostics.channel('net.client.socket');

function connect(...args) {
  const normalized = normalizeArguments(args);
  const [options] = normalized;
  const socket = new Socket(options);
  if (options.timeout) socket.setTimeout(options.timeout);
  return socket.connect(normalized);
}

Socket.prototype.connect = function (...args) {
  const [options, callback] = isNormalized(args[0]) ? args[0] : normalizeArguments(args);
  const handle = this[kHandle];
  if (handle && !(handle instanceof SocketHandle) && !this.destroyed)
    return connectNodes(this, options, callback);
  if (clientSocketChannel.hasSubscribers) clientSocketChannel.publish({ socket: this });
  if (callback !== null) this.once('connect', callback);
  if (options.port === undefined && (options.path === undefined || options.path === null)) {
    throw new ERR_MISSING_ARGS(['options', 'port', 'path']);
  }

  // It may have been replaced when the former connection ended.
  if (this.write !== Socket.prototype.write) this.write = Socket.prototype.write;
  if (this.destroyed) {
    this[kHandle] = null;
    this._peername = undefined;
    this._sockname = undefined;
  }

  const { path } = options;
  const isPipe = Boolean(path);
  if (!this[kHandle]) {
    this[kHandle] = isPipe ? new Pipe() : new TCP();
    this[kAttachHandle]();
  }

  this._unrefTimer();
  this.connecting = true;
  if (isPipe) {
    validateString(path, 'options.path');
    connectToPath(this, path);
  } else {
    lookupAndConnect(this, options);
  }
  return this;
};

// On a handle of Node's that the program has put there, or that is connected already.
function connectNodes(socket, options, callback) {
  nodesNet.Socket.prototype.connect.call(socket, options, callback);
  // Node has put its own in place of what it took for a substitute.
  if (Object.hasOwn(socket, 'write')) delete socket.write;
  return socket;
}

function connectToPath(socket, path) {
  socket.emit('connectionAttempt', path, undefined, undefined);
  // The listener may have destroyed it.
  if (!socket.connecting) return;
  const handle = socket[kHandle];
  // Still that of a connection to a port.
  const status =
    handle instanceof TCP
      ? -ERRNO.EINVAL
      : handle.connectPath(path, (status) => afterConnect(socket, { status, address: path }));
  if (status < 0) failAtOnce(socket, status, path);
}

function lookupAndConnect(socket, options) {
  const { localAddress, localPort } = options;
  const host = options.host || 'localhost';
  // Node 20 leaves it to dns.lookup(), whose error names another argument.
  if (nodeMajor >= 22) validateString(host, 'options.host');
  let { port, autoSelectFamily, autoSelectFamilyAttemptTimeout } = options;

  if (localAddress && !isIP(localAddress)) throw new ERR_INVALID_IP_ADDRESS(localAddress);
  if (localPort) validateNumber(localPort, 'options.localPort');
  if (port !== undefined) {
    if (typeof port !== 'number' && typeof port !== 'string') {
      throw new ERR_INVALID_ARG_TYPE('options.port', ['number', 'string'], port);
    }
    validatePort(port);
  }
  port |= 0;

  if (autoSelectFamily === undefined || autoSelectFamily === null) {
    autoSelectFamily = families.getDefaultAutoSelectFamily();
  } else {
    validateBoolean(autoSelectFamily, 'options.autoSelectFamily');
  }
  if (autoSelectFamilyAttemptTimeout === undefined || autoSelectFamilyAttemptTimeout === null) {
    autoSelectFamilyAttemptTimeout = families.getDefaultAutoSelectFamilyAttemptTimeout();
  } else {
    validateInt32(autoSelectFamilyAttemptTimeout, 'options.autoSelectFamilyAttemptTimeout', 1);
    autoSelectFamilyAttemptTimeout = Math.max(autoSelectFamilyAttemptTimeout, families.SHORTEST_ATTEMPT_MS);
  }

  const target = { port, localAddress, localPort };
  const version = isIP(host);
  if (version !== 0) {
    const connectNow = () => connectToAddress(socket, { ...target, address: host, family: version });
    // A BoundSocket's connection begins at once, as in Node.
    if (socket[kHandle].bareFd >= 0) connectNow();
    else process.nextTick(() => socket.connecting && connectNow());
    return;
  }

  if (options.lookup !== undefined && options.lookup !== null)
    validateFunction(options.lookup, 'options.lookup');
  const query = { family: toFamily(options.family), hints: options.hints || 0 };
  if (query.family !== 4 && query.family !== 6 && query.hints === 0) query.hints = dns.ADDRCONFIG;

  socket._host = host;
  socket[kHandle].rememberContext();
  const lookup = options.lookup || dns.lookup;
  if (autoSelectFamily && query.family !== 4 && query.family !== 6 && !localAddress) {
    lookupAll(socket, {
      lookup,
      host,
      query,
      target,
      options,
      attemptTimeout: autoSelectFamilyAttemptTimeout,
    });
  } else {
    lookupOne(socket, { lookup, host, query, target, options });
  }
}

function toFamily(family) {
  switch (family) {
    case 'IPv4':
      return 4;
    case 'IPv6':
      return 6;
    default:
      return family;
  }
}

function lookupOne(socket, { lookup, host, query, target, options }) {
  lookup(host, query, (error, address, family) => {
    socket.emit('lookup', error, address, family, host);
    // The program may have destroyed it meanwhile.
    if (!socket.connecting) return;

    if (error) {
      process.nextTick(failConnecting, socket, error);
    } else if (!isAddress(address)) {
      process.nextTick(failConnecting, socket, new ERR_INVALID_IP_ADDRESS(address));
    } else if (family !== 4 && family !== 6) {
      process.nextTick(
        failConnecting,
        socket,
        new ERR_INVALID_ADDRESS_FAMILY(family, options.host, options.port),
      );
    } else {
      socket._unrefTimer();
      connectToAddress(socket, { ...target, address, family });
    }
  });
}

function lookupAll(socket, { lookup, host, query, target, options, attemptTimeout }) {
  lookup(host, { ...query, all: true }, (error, addresses) => {
    // The program may have destroyed it meanwhile.
    if (!socket.connecting) return;
    if (error) {
      socket.emit('lookup', error, undefined, undefined, host);
      process.nextTick(failConnecting, socket, error);
      return;
    }

    const byFamily = new Map([
      [4, []],
      [6, []],
    ]);
    let first;
    // By index and under these names, as in Node: they are in the text of the TypeError when a custom lookup returns no list.
    for (let index = 0; index < addresses.length; index++) {
      const address = addresses[index];
      const { address: ip, family } = address;
      socket.emit('lookup', error, ip, family, host);
      if (!socket.connecting) return;
      const known = byFamily.get(family);
      if (known === undefined || !isAddress(ip)) continue;
      first ??= family;
      if (known.every((attempt) => attempt.address !== ip)) known.push({ address: ip, family });
    }
    const attempts = interleave(byFamily.get(first ?? 4), byFamily.get(first === 6 ? 4 : 6));

    if (attempts.length === 0) {
      const { address, family } = addresses[0];
      const failure = isAddress(address)
        ? new ERR_INVALID_ADDRESS_FAMILY(family, options.host, options.port)
        : new ERR_INVALID_IP_ADDRESS(address);
      process.nextTick(failConnecting, socket, failure);
      return;
    }
    socket._unrefTimer();
    if (attempts.length === 1) connectToAddress(socket, { ...target, ...attempts[0] });
    else connectMultiple(socket, { ...target, attempts, attemptTimeout, afterConnect });
  });
}

// An object whose text is an address (a Buffer, a String) passes Node's own check and then aborts the process there.
function isAddress(address) {
  return typeof address === 'string' && isIP(address) !== 0;
}

// Alternates between the families, beginning with the first (RFC 8305, section 4).
function interleave(first, second) {
  const mixed = [];
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    if (index < first.length) mixed.push(first[index]);
    if (index < second.length) mixed.push(second[index]);
  }
  return mixed;
}

function connectToAddress(socket, target) {
  const { address, port, family, localPort } = target;
  let { localAddress } = target;
  const handle = socket[kHandle];

  if (localAddress || localPort) {
    localAddress ||= family === 6 ? '::' : '0.0.0.0';
    const status = handle.bindLocal(family, localAddress, localPort || 0);
    if (status < 0) {
      socket.destroy(exceptionWithHostPort(status, 'bind', localAddress, localPort));
      return;
    }
  }
  socket.emit('connectionAttempt', address, port, family);
  // The listener may have destroyed it.
  if (!socket.connecting) return;
  if (socket.blockList?.check(address, `ipv${family}`)) {
    socket.destroy(new ERR_IP_BLOCKED(address));
    return;
  }
  const result = { address, port, family, localAddress, localPort };
  const onConnected = (status) => afterConnect(socket, { ...result, status });
  // Still that of a connection to a path: Node takes the address for one.
  const status =
    handle instanceof Pipe
      ? handle.connectPath(address, onConnected)
      : handle.connect(family, address, port, onConnected);
  if (status < 0) failAtOnce(socket, status, address, port);
}

function failAtOnce(socket, status, address, port) {
  const { address: localAddress, port: localPort } = socket._getsockname();
  const details = `${localAddress}:${localPort}`;
  socket.destroy(exceptionWithHostPort(status, 'connect', address, port, details));
}

function failConnecting(socket, error) {
  socket.destroy(error);
}

function afterConnect(socket, { status, address, port, family, localAddress, localPort }) {
  // Cancelled: destroyed, and perhaps connecting anew.
  if (socket.destroyed || status === -ERRNO.ECANCELED) return;
  socket.connecting = false;
  socket._sockname = null;

  if (status < 0) {
    const error = connectionError(status, { address, port, localAddress, localPort });
    socket.emit('connectionAttemptFailed', address, port, family, error);
    socket.destroy(error);
    return;
  }

  socket._unrefTimer();
  completeReservation(socket);
  applyOptions(socket);
  socket.emit('connect');
  socket.emit('ready');
  if (!socket.isPaused()) socket.read(0);
}

// Options set before there was a connection.
function applyOptions(socket) {
  const handle = socket[kHandle];
  if (socket[kSetNoDelay]) handle.setNoDelay?.(true);
  if (socket[kSetKeepAlive]) {
    const { [kSetKeepAliveInterval]: interval, [kSetKeepAliveCount]: count } = socket;
    handle.setKeepAlive?.(true, socket[kSetKeepAliveInitialDelay], interval, count);
  }
  if (socket[kSetTypeOfService] !== undefined) handle.setTypeOfService?.(socket[kSetTypeOfService]);
}

module.exports = { connect };
