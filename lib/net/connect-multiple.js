'use strict';

// Happy Eyeballs (RFC 8305): the addresses of a name are tried in turn, each for a limited time, until one answers.

const { ERR_IP_BLOCKED, ERR_SOCKET_CONNECTION_TIMEOUT } = require('../internal/errors');
const { exceptionWithHostPort, NodeAggregateError } = require('../internal/system-errors');
const { errno: ERRNO } = require('node:os').constants;
const { clearTimeout, setTimeout } = require('node:timers');
const { connectionError } = require('./connection-error');
const { TCP } = require('./handle');
const { kAttachHandle, kHandle } = require('./symbols');

function connectMultiple(socket, target) {
  socket.autoSelectFamilyAttemptedAddresses = [];
  tryNext({ ...target, socket, next: 0, errors: [], timer: null });
}

function tryNext(context, isCancelled = false) {
  const { socket, attempts, errors } = context;
  clearTimeout(context.timer);
  if (isCancelled || context.next === attempts.length) {
    socket.destroy(
      errors.length === 0 ? new ERR_SOCKET_CONNECTION_TIMEOUT() : new NodeAggregateError(errors),
    );
    return;
  }

  const index = context.next++;
  const { address, family } = attempts[index];
  const { port, localPort } = context;
  if (index > 0) replaceHandle(socket);
  const handle = socket[kHandle];

  const localAddress = family === 6 ? '::' : '0.0.0.0';

  if (localPort) {
    const status = handle.bindLocal(family, localAddress, localPort);
    if (status < 0) {
      errors.push(exceptionWithHostPort(status, 'bind', localAddress, localPort));
      tryNext(context);
      return;
    }
  }
  if (socket.blockList?.check(address, `ipv${family}`)) {
    fail(context, attempts[index], new ERR_IP_BLOCKED(address));
    return;
  }

  socket.emit('connectionAttempt', address, port, family);
  // The listener may have destroyed it.
  if (!socket.connecting) return;
  socket.autoSelectFamilyAttemptedAddresses.push(`${address}:${port}`);

  const attempt = { address, port, family, localAddress, localPort, handle, settled: false };
  const status = handle.connect(family, address, port, (status) => afterAttempt(context, attempt, status));
  if (status < 0) {
    const { address: localAddress, port } = socket._getsockname();
    const error = exceptionWithHostPort(status, 'connect', address, context.port, `${localAddress}:${port}`);
    fail(context, attempt, error);
  } else if (index < attempts.length - 1) {
    context.timer = setTimeout(() => giveUp(context, attempt), context.attemptTimeout);
  }
}

// Each attempt needs a socket of its own; the program's settings move with it.
function replaceHandle(socket) {
  const former = socket[kHandle];
  const handle = new TCP();
  if (!former.referenced) handle.unref();
  handle.successor = former.successor;
  former.successor = null;
  socket[kHandle] = handle;
  former.close();
  socket[kAttachHandle]();
}

function giveUp(context, attempt) {
  const { socket } = context;
  const { address, port, family } = attempt;
  socket.emit('connectionAttemptTimeout', address, port, family);
  attempt.settled = true;
  attempt.handle.close();
  context.errors.push(connectionError(-ERRNO.ETIMEDOUT, attempt));
  if (socket.connecting) tryNext(context);
}

// A socket that is destroyed meanwhile is told that its attempt was cancelled.
function afterAttempt(context, attempt, status) {
  if (attempt.settled) return;
  attempt.settled = true;
  clearTimeout(context.timer);
  if (status < 0) fail(context, attempt, connectionError(status, attempt), status === -ERRNO.ECANCELED);
  else context.afterConnect(context.socket, { ...attempt, status });
}

function fail(context, { address, family }, error, isCancelled) {
  const { socket, port } = context;
  context.errors.push(error);
  socket.emit('connectionAttemptFailed', address, port, family, error);
  if (socket.connecting) tryNext(context, isCancelled);
}

module.exports = { connectMultiple };
