'use strict';

// What a socket tells about itself, and its options.

const nodesNet = require('node:net');

const { ERR_INVALID_ARG_TYPE } = require('../internal/errors');
const { validateInt32 } = require('../internal/validators');
const { errnoException } = require('../internal/system-errors');
const { handleForOthers } = require('./adoption');
const { TCP } = require('./handle');
const { defineHidden, hiddenPrototype, setState } = require('./hidden-state');
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

// Of Node's own prototype: they leave the handle alone.
const NODES_OWN = [
  '_connecting',
  '_reset',
  '_unrefTimer',
  'address',
  'bytesWritten',
  'destroySoon',
  'end',
  'localAddress',
  'localFamily',
  'localPort',
  'readyState',
  'remoteAddress',
  'remoteFamily',
  'remotePort',
  'setTimeout',
];

function defineProperties(Socket) {
  defineGetters(Socket.prototype, false, {
    // Deprecated by Node in favour of writableLength.
    bufferSize() {
      return this[kHandle] ? this.writableLength : undefined;
    },
  });

  defineGetters(Socket.prototype, true, {
    bytesRead() {
      return this[kBytesRead] + (this[kHandle]?.bytesRead ?? 0);
    },
    _bytesDispatched() {
      return this[kBytesWritten] + (this[kHandle]?.bytesWritten ?? 0);
    },
  });

  Object.defineProperty(Socket.prototype, 'pending', {
    configurable: true,
    get() {
      return !this[kHandle] || this.connecting;
    },
  });
  Object.defineProperty(Socket.prototype, '_handle', {
    get() {
      return handleForOthers(this);
    },
    set(value) {
      this[kHandle] = value;
    },
  });

  for (const [name, method] of Object.entries(methods)) {
    if (name in nodesNet.Socket.prototype) Socket.prototype[name] = method;
    else defineHidden(hiddenPrototype, name, method);
  }
  for (const name of NODES_OWN)
    Object.defineProperty(
      Socket.prototype,
      name,
      Object.getOwnPropertyDescriptor(nodesNet.Socket.prototype, name),
    );
}

function defineGetters(prototype, enumerable, getters) {
  for (const [name, get] of Object.entries(getters))
    Object.defineProperty(prototype, name, { get, enumerable });
}

const methods = {
  _getpeername() {
    if (!this[kHandle]?.getpeername || this.connecting) return this._peername || {};
    if (!this._peername) {
      const name = {};
      const status = this[kHandle].getpeername(name);
      if (status) return name;
      this._peername = name;
    }
    return this._peername;
  },

  _getsockname() {
    if (!this[kHandle]?.getsockname) return {};
    if (!this._sockname) {
      const name = {};
      this[kHandle].getsockname(name);
      this._sockname = name;
    }
    return this._sockname;
  },

  setNoDelay(enable) {
    const on = Boolean(enable === undefined ? true : enable);
    if (!this[kHandle]) {
      this[kSetNoDelay] = on;
    } else if (this[kHandle].setNoDelay && on !== this[kSetNoDelay]) {
      this[kSetNoDelay] = on;
      this[kHandle].setNoDelay(on);
    }
    return this;
  },

  setKeepAlive(setting, initialDelayMsecs, intervalMsecs, count) {
    const options = typeof setting === 'object' && setting !== null;
    const enable = Boolean(options ? setting.enable : setting);
    const initialDelay = Math.trunc((options ? setting.initialDelay : initialDelayMsecs) / 1000) || 0;
    const interval = toSeconds(options ? setting.interval : intervalMsecs);
    const probes = options ? setting.count : count;

    if (!this[kHandle]) {
      this[kSetKeepAlive] = enable;
      this[kSetKeepAliveInitialDelay] = initialDelay;
      setState(this, kSetKeepAliveInterval, interval);
      setState(this, kSetKeepAliveCount, probes);
      return this;
    }
    const { setKeepAlive } = optionsOf(this[kHandle]);
    if (setKeepAlive === undefined) return this;
    const isNew =
      enable !== this[kSetKeepAlive] ||
      (enable &&
        (initialDelay !== this[kSetKeepAliveInitialDelay] ||
          interval !== this[kSetKeepAliveInterval] ||
          probes !== this[kSetKeepAliveCount]));
    if (isNew) {
      this[kSetKeepAlive] = enable;
      this[kSetKeepAliveInitialDelay] = initialDelay;
      setState(this, kSetKeepAliveInterval, interval);
      setState(this, kSetKeepAliveCount, probes);
      setKeepAlive.call(this[kHandle], enable, initialDelay, interval, probes);
    }
    return this;
  },

  setTypeOfService(tos) {
    if (Number.isNaN(tos)) throw new ERR_INVALID_ARG_TYPE('tos', 'number', tos);
    validateInt32(tos, 'tos', 0, TYPE_OF_SERVICE_MAX);
    if (!this[kHandle]) {
      setState(this, kSetTypeOfService, tos);
      return this;
    }
    const { setTypeOfService } = optionsOf(this[kHandle]);
    if (setTypeOfService === undefined) return this;
    if (tos !== this[kSetTypeOfService]) {
      const status = setTypeOfService.call(this[kHandle], tos);
      if (status < 0) throw errnoException(status, 'setTypeOfService');
      setState(this, kSetTypeOfService, tos);
    }
    return this;
  },

  getTypeOfService() {
    const handle = this[kHandle];
    const { getTypeOfService } = handle ? optionsOf(handle) : {};
    if (getTypeOfService === undefined) return this[kSetTypeOfService] ?? 0;
    const value = getTypeOfService.call(handle);
    if (value < 0) throw errnoException(value, 'getTypeOfService');
    return value;
  },
};

// Node's handles have not all of these before Node 26. Ours do with any that has a descriptor.
function optionsOf(handle) {
  return handle.getpeername && handle.fd >= 0 ? TCP.prototype : handle;
}

function toSeconds(msecs) {
  return msecs === undefined ? undefined : Math.trunc(msecs / 1000) || 0;
}

module.exports = { defineProperties };
