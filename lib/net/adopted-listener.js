'use strict';

// `server._handle`, read by anybody but us: the listening descriptor moves to a handle of Node's own. What that accepts are
// sockets of ours on handles of Node's. See docs/design/adopted-handles.md.

const { errnoException } = require('../internal/system-errors');
const { ListenerHandle, closeDescriptor } = require('../native');
const { SocketHandle, TCP } = require('./handle');
const { makeHandle, ownerSymbol } = require('./node-internals');
const { kHandle } = require('./symbols');

/** What others get: a handle of Node's, or ours where there is nothing that could move. */
function listenerForOthers(server) {
  const handle = server[kHandle];
  if (!(handle instanceof SocketHandle) || handle.closed) return handle;
  if (handle.native instanceof ListenerHandle) return move(server, handle);
  return handle.shared ?? handle;
}

// Returns the server's handle from then on.
function move(server, handle) {
  const { shared } = handle;
  const successor = shared ?? handle.runInContext(() => makeHandle(handle instanceof TCP, true));
  const { backlog, boundPath = null, referenced, observer } = handle;
  if (boundPath !== null) releaseOnClose(successor, boundPath);
  const fd = handle.detach();
  server[kHandle] = successor;
  const opened = shared === null ? successor.open(fd) : 0;
  if (shared !== null || opened < 0) closeDescriptor(fd);
  if (opened < 0) return fail(server, opened, 'open');
  bindListener(successor, server, observer);
  if (!referenced) successor.unref();
  const status = successor.listen(backlog);
  return status < 0 ? fail(server, status, 'listen') : successor;
}

// Returns the server's handle from then on: none. Its 'error' comes before 'close', and later: somebody only reads `_handle`.
function fail(server, status, call) {
  process.nextTick(() => server.emit('error', errnoException(status, call)));
  server.close();
  return server[kHandle];
}

// Node removes only the file that it has bound itself.
function releaseOnClose(successor, boundPath) {
  const { close } = successor;
  Object.defineProperty(successor, 'close', {
    configurable: true,
    writable: true,
    value(callback) {
      boundPath.release();
      close.call(successor, callback);
    },
  });
}

/** Connections of a handle of Node's are the server's from now on. */
function bindListener(handle, server, observer) {
  handle[ownerSymbol] = server;
  handle.onconnection = (status, accepted) => {
    if (status === 0) observer.connection(server, accepted);
    else observer.failed(server, status);
  };
}

module.exports = { bindListener, listenerForOthers };
