'use strict';

const { errno: ERRNO } = require('node:os').constants;

const { ERR_INVALID_ARG_TYPE } = require('../internal/errors');
const { errnoException } = require('../internal/system-errors');
const native = require('../native');
const { Socket } = require('./socket');
const { kHandle } = require('./symbols');

const WITHOUT_CREDENTIALS = new Map([
  [-ERRNO.ENOTCONN, 'the socket is not connected'],
  [-ERRNO.EINVAL, 'this is no UNIX socket'],
  [-ERRNO.ENOTSOCK, 'this is no UNIX socket'],
]);

/** Of any socket, Node's too. */
function peerCredentials(socket) {
  if (!(socket instanceof Socket)) throw new ERR_INVALID_ARG_TYPE('socket', 'net.Socket', socket);
  const credentials = credentialsOf(socket[kHandle]);
  if (typeof credentials !== 'number') return credentials;
  throw errnoException(credentials, 'getsockopt', WITHOUT_CREDENTIALS.get(credentials));
}

// Or a negative errno. The kernel would call a connected TCP socket not connected.
function credentialsOf(handle) {
  if (!(handle?.fd >= 0)) return -ERRNO.ENOTCONN;
  return handle.getpeername ? -ERRNO.EINVAL : native.peerCredentials(handle.fd);
}

module.exports = { peerCredentials };
