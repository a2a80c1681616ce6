'use strict';

// Happy Eyeballs (RFC 8305): the addresses of a name are tried in turn, each for a limited time, until one answers.

const { ERR_IP_BLOCKED, ERR_SOCKET_CONNECTION_TIMEOUT } = require('../internal/errors');
const { exceptionWithHostPort, NodeAggregateError } = require('../internal/system-errors');
const { errno: ERRNO } = require('node:os').constants;
const { clearTimeout, setTimeout } = require('node:timers');
const { TCP } = require('./handle');
const { kAttachHandle } = require('./symbols');

function connectMultiple(socket, target) {
  socket.autoSelectFamilyAttemptedAddresses = [];
  tryNext({ ...target, socket, next: 0, errors: [], timer: null });
}

function tryNext(context) {
  const { socket, attempts, errors } = context;
  clearTimeout(context.timer);
  if (context.next === attempts.length) {
    socket.destroy(
      errors.length === 0 ? new ERR_SOCKET_CONNECTION_TIMEOUT() : new NodeAggregateError(errors),
    );
    return;
  }

  const index = context.next++;
  const { address, family } = attempts[index];
  const { port, localPort } = context;
  if (index > 0) replaceHandle(socket);
  const handle = socket._handle;

  if (localPort) {
    const local = family === 6 ? '::' : '0.0.0.0';
    const status = handle.bindLocal(family, local, localPort);
    if (status < 0) {
      errors.push(exceptionWithHostPort(status, 'bind', local, localPort));
      tryNext(context);
      return;
    }
  }
  if (context.blockList?.check(address, `ipv${family}`)) {
    fail(context, attempts[index], new ERR_IP_BLOCKED(address));
    return;
  }

  socket.autoSelectFamilyAttemptedAddresses.push(`${address}:${port}`);
  socket.emit('connectionAttempt', address, port, family);
  if (!socket.connecting) return;

  const attempt = { address, port, family, localPort, handle, settled: false };
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
  const former = socket._handle;
  const handle = new TCP();
  if (!former.referenced) handle.unref();
  socket._handle = handle;
  former.close();
  socket[kAttachHandle]();
}

function giveUp(context, attempt) {
  const { socket } = context;
  const { address, port, family } = attempt;
  socket.emit('connectionAttemptTimeout', address, port, family);
  attempt.settled = true;
  attempt.handle.close();
  context.errors.push(exceptionWithHostPort(-ERRNO.ETIMEDOUT, 'connect', address, port));
  if (socket.connecting) tryNext(context);
}

function afterAttempt(context, attempt, status) {
  if (attempt.settled || !context.socket.connecting) return;
  attempt.settled = true;
  clearTimeout(context.timer);
  const { address, port } = attempt;
  if (status < 0) fail(context, attempt, exceptionWithHostPort(status, 'connect', address, port));
  else context.afterConnect(context.socket, { ...attempt, status });
}

function fail(context, { address, family }, error) {
  const { socket, port } = context;
  context.errors.push(error);
  socket.emit('connectionAttemptFailed', address, port, family, error);
  if (socket.connecting) tryNext(context);
}

module.exports = { connectMultiple };
