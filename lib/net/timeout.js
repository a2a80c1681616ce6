'use strict';

// socket.setTimeout(): a timer that traffic starts anew and that does not keep the process alive.

const { clearTimeout, setTimeout } = require('node:timers');

const { validateFunction, validateNumber } = require('../internal/validators');
const { ERR_OUT_OF_RANGE } = require('../internal/errors');
const { kLastWriteQueueSize, kTimeout } = require('./symbols');

// The longest that a timer can wait.
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

function setStreamTimeout(msecs, callback) {
  if (this.destroyed) return this;

  this.timeout = msecs;
  const duration = timerDuration(msecs, 'msecs');
  clearTimeout(this[kTimeout]);

  if (duration === 0) {
    if (callback !== undefined) {
      validateFunction(callback, 'callback');
      this.removeListener('timeout', callback);
    }
  } else {
    this[kTimeout] = setTimeout(() => this._onTimeout(), duration).unref();
    if (callback !== undefined) {
      validateFunction(callback, 'callback');
      this.once('timeout', callback);
    }
  }
  return this;
}

function timerDuration(msecs, name) {
  validateNumber(msecs, name);
  if (msecs < 0 || !Number.isFinite(msecs))
    throw new ERR_OUT_OF_RANGE(name, 'a non-negative finite number', msecs);
  if (msecs <= TIMEOUT_MAX_MS) return msecs;
  process.emitWarning(
    `${msecs} does not fit into a 32-bit signed integer.\nTimer duration was truncated to ${TIMEOUT_MAX_MS}.`,
    'TimeoutOverflowWarning',
  );
  return TIMEOUT_MAX_MS;
}

// Starts the timers of a socket, and of those that it is wrapped in, anew.
function refreshTimeout() {
  for (let socket = this; socket !== null && socket !== undefined; socket = socket._parent) {
    socket[kTimeout]?.refresh();
  }
}

function onTimeout() {
  const handle = this._handle;
  const queueSize = this[kLastWriteQueueSize];
  // A large write that is still moving is traffic.
  if (queueSize > 0 && handle && handle.writeQueueSize !== queueSize) {
    this[kLastWriteQueueSize] = handle.writeQueueSize;
    this._unrefTimer();
    return;
  }
  this.emit('timeout');
}

module.exports = { setStreamTimeout, refreshTimeout, onTimeout };
