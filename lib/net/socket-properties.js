'use strict';

// What a socket tells about itself, and its options.

const { errno: ERRNO } = require('node:os').constants;

const native = require('../native');
const { ERR_INVALID_ARG_TYPE } = require('../internal/errors');
const { validateInt32 } = require('../internal/validators');
const { errnoException } = require('../internal/system-errors');
const { TCP } = require('./handle');
const {
  kBytesRead,
  kBytesWritten,
  kHandle,
  kSetKeepAlive,
  kSetKeepAliveCount,
  kSetKeepAliveInitialDelay,
  kSetKeepAliveInterval,
  kSetNoDelay,
  kSetTypeOfService,
} = require('./symbols');

const TYPE_OF_SERVICE_MAX = 255;

const WITHOUT_CREDENTIALS = new Map([
  [-ERRNO.ENOTCONN, 'the socket is not connected'],
  [-ERRNO.EINVAL, 'this is no UNIX socket'],
  [-ERRNO.ENOTSOCK, 'this is no UNIX socket'],
]);

function defineProperties(Socket) {
  defineGetters(Socket.prototype, false, {
    _connecting() {
      return this.connecting;
    },
    readyState() {
      if (this.connecting) return 'opening';
      if (this.readable && this.writable) return 'open';
      if (this.readable) return 'readOnly';
      if (this.writable) return 'writeOnly';
      return 'closed';
    },
    // Deprecated by Node in favour of writableLength.
    bufferSize() {
      return this._handle ? this.writableLength : undefined;
    },
  });

  defineGetters(Socket.prototype, true, {
    bytesRead() {
      return this._handle ? this._handle.bytesRead : this[kBytesRead];
    },
    remoteAddress() {
      return this._getpeername().address;
    },
    remoteFamily() {
      return this._getpeername().family;
    },
    remotePort() {
      return this._getpeername().port;
    },
    localAddress() {
      return this._getsockname().address;
    },
    localPort() {
      return this._getsockname().port;
    },
    localFamily() {
      return this._getsockname().family;
    },
    _bytesDispatched() {
      return this._handle ? this._handle.bytesWritten : this[kBytesWritten];
    },
    bytesWritten() {
      return countWritten(this);
    },
  });

  Object.defineProperty(Socket.prototype, 'pending', {
    configurable: true,
    get() {
      return !this._handle || this.connecting;
    },
  });
  Object.defineProperty(Socket.prototype, '_handle', {
    get() {
      return this[kHandle];
    },
    set(value) {
      this[kHandle] = value;
    },
  });

  Object.assign(Socket.prototype, methods);
}

function defineGetters(prototype, enumerable, getters) {
  for (const [name, get] of Object.entries(getters))
    Object.defineProperty(prototype, name, { get, enumerable });
}

// Bytes handed to the kernel, and those that wait for it.
function countWritten(socket) {
  const state = socket._writableState;
  if (!state) return undefined;
  let bytes = socket._bytesDispatched;
  for (const { chunk, encoding } of state.getBuffer()) bytes += lengthOf(chunk, encoding);

  const pending = socket._pendingData;
  if (Array.isArray(pending)) {
    for (const item of pending)
      bytes += item instanceof Buffer ? item.length : lengthOf(item.chunk, item.encoding);
  } else if (pending) {
    bytes += lengthOf(pending, socket._pendingEncoding);
  }
  return bytes;
}

function lengthOf(chunk, encoding) {
  return typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length;
}

const methods = {
  address() {
    return this._getsockname();
  },

  _getpeername() {
    if (!this._handle?.getpeername || this.connecting) return this._peername || {};
    if (!this._peername) {
      const name = {};
      const status = this._handle.getpeername(name);
      if (status) return name;
      this._peername = name;
    }
    return this._peername;
  },

  _getsockname() {
    if (!this._handle?.getsockname) return {};
    if (!this._sockname) {
      const name = {};
      this._handle.getsockname(name);
      this._sockname = name;
    }
    return this._sockname;
  },

  setNoDelay(enable) {
    const on = Boolean(enable === undefined ? true : enable);
    if (!this._handle) {
      this[kSetNoDelay] = on;
    } else if (this._handle.setNoDelay && on !== this[kSetNoDelay]) {
      this[kSetNoDelay] = on;
      this._handle.setNoDelay(on);
    }
    return this;
  },

  setKeepAlive(setting, initialDelayMsecs, intervalMsecs, count) {
    const options = typeof setting === 'object' && setting !== null;
    const enable = Boolean(options ? setting.enable : setting);
    const initialDelay = Math.trunc((options ? setting.initialDelay : initialDelayMsecs) / 1000) || 0;
    const interval = toSeconds(options ? setting.interval : intervalMsecs);
    const probes = options ? setting.count : count;

    if (!this._handle) {
      this[kSetKeepAlive] = enable;
      this[kSetKeepAliveInitialDelay] = initialDelay;
      this[kSetKeepAliveInterval] = interval;
      this[kSetKeepAliveCount] = probes;
      return this;
    }
    if (!this._handle.setKeepAlive) return this;
    const isNew =
      enable !== this[kSetKeepAlive] ||
      (enable &&
        (initialDelay !== this[kSetKeepAliveInitialDelay] ||
          interval !== this[kSetKeepAliveInterval] ||
          probes !== this[kSetKeepAliveCount]));
    if (isNew) {
      this[kSetKeepAlive] = enable;
      this[kSetKeepAliveInitialDelay] = initialDelay;
      this[kSetKeepAliveInterval] = interval;
      this[kSetKeepAliveCount] = probes;
      this._handle.setKeepAlive(enable, initialDelay, interval, probes);
    }
    return this;
  },

  setTypeOfService(tos) {
    if (Number.isNaN(tos)) throw new ERR_INVALID_ARG_TYPE('tos', 'number', tos);
    validateInt32(tos, 'tos', 0, TYPE_OF_SERVICE_MAX);
    if (!this._handle) {
      this[kSetTypeOfService] = tos;
      return this;
    }
    if (!this._handle.setTypeOfService) return this;
    if (tos !== this[kSetTypeOfService]) {
      const status = this._handle.setTypeOfService(tos);
      if (status < 0) throw errnoException(status, 'setTypeOfService');
      this[kSetTypeOfService] = tos;
    }
    return this;
  },

  // Not in Node.
  peerCredentials() {
    const credentials = credentialsOf(this._handle);
    if (typeof credentials === 'number')
      throw errnoException(credentials, 'getsockopt', WITHOUT_CREDENTIALS.get(credentials));
    return credentials;
  },

  getTypeOfService() {
    if (!this._handle?.getTypeOfService) return this[kSetTypeOfService] ?? 0;
    const value = this._handle.getTypeOfService();
    if (value < 0) throw errnoException(value, 'getTypeOfService');
    return value;
  },
};

// Or a negative errno. The kernel would call a connected TCP socket not connected.
function credentialsOf(handle) {
  if (!(handle?.fd >= 0)) return -ERRNO.ENOTCONN;
  return handle instanceof TCP ? -ERRNO.EINVAL : native.peerCredentials(handle.fd);
}

function toSeconds(msecs) {
  return msecs === undefined ? undefined : Math.trunc(msecs / 1000) || 0;
}

module.exports = { defineProperties };
