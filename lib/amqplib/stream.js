'use strict';

// `connection.connection.stream`: the socket as programs of amqplib look at it, set its options and hang up on it. The socket
// itself is the engine's, so there is nothing to read or write here.

const EventEmitter = require('node:events');

const { validateFunction } = require('../internal/validators');
const { InactivityTimer } = require('./inactivity-timer');
const { readTimeout } = require('./timeout');

class ConnectionStream extends EventEmitter {
  #handle;
  #destroy;
  #end;
  #isEnded = false;
  #isDestroyed = false;
  #isClosed = false;
  #isPaused = false;
  #timer = null;
  #error = null;

  connecting = false;
  pending = false;
  allowHalfOpen = false;
  timeout = undefined;

  /** `addresses` are "local" and "remote", each "IP PORT"; none with a UNIX socket. `handle` is the engine's. */
  constructor(addresses, handle, { destroy, end, isClosed }) {
    super();
    this.#handle = handle;
    this.#isDestroyed = this.#isClosed = isClosed;
    this.#destroy = destroy;
    this.#end = end;
    const [local, remote] = addresses.split('\n').map((text) => text.split(' '));
    if (remote) {
      [this.localAddress, this.localPort] = [local[0], Number(local[1])];
      [this.remoteAddress, this.remotePort] = [remote[0], Number(remote[1])];
      this.remoteFamily = this.localFamily = remote[0].includes(':') ? 'IPv6' : 'IPv4';
    }
  }

  get destroyed() {
    return this.#isDestroyed;
  }

  get closed() {
    return this.#isClosed;
  }

  get errored() {
    return this.#error;
  }

  get readable() {
    return !this.#isDestroyed;
  }

  get writable() {
    return !this.#isDestroyed && !this.#isEnded;
  }

  get writableEnded() {
    return this.#isEnded;
  }

  get readyState() {
    if (this.#isDestroyed) return 'closed';
    return this.#isEnded ? 'readOnly' : 'open';
  }

  // --- counters, in bytes of AMQP

  get bytesRead() {
    return this.#handle.bytesRead();
  }

  get bytesWritten() {
    return this.#handle.bytesWritten() + this.writableLength;
  }

  get writableLength() {
    return this.#isDestroyed ? 0 : this.#handle.bytesWaiting();
  }

  get bufferSize() {
    return this.writableLength;
  }

  /** What has arrived is the engine's, which has handed it on. */
  get readableLength() {
    return 0;
  }

  // --- the socket's options; what cannot be set is passed over, as by a socket

  ref() {
    if (!this.#isDestroyed) this.#handle.setRef(true);
    return this;
  }

  /** The process may end while the connection is open. */
  unref() {
    if (!this.#isDestroyed) this.#handle.setRef(false);
    return this;
  }

  setNoDelay(enable) {
    this.#handle.setNoDelay(enable === undefined || !!enable);
    return this;
  }

  setKeepAlive(enable, initialDelay) {
    this.#handle.setKeepAlive(!!enable, Math.max(0, ~~(initialDelay / 1000)));
    return this;
  }

  setTimeout(msecs, callback) {
    if (this.#isDestroyed) return this;
    this.timeout = msecs;
    const duration = readTimeout(msecs);
    if (callback !== undefined) validateFunction(callback, 'callback');
    this.#timer?.stop();
    this.#timer = null;
    if (duration === 0) {
      if (callback !== undefined) this.removeListener('timeout', callback);
      return this;
    }
    if (callback !== undefined) this.once('timeout', callback);
    const idleTime = () => this.#handle.idleTime();
    this.#timer = new InactivityTimer(duration, idleTime, () => this.emit('timeout'));
    return this;
  }

  address() {
    if (this.localAddress === undefined || this.#isDestroyed) return {};
    return { address: this.localAddress, family: this.localFamily, port: this.localPort };
  }

  // amqplib reads by 'readable', which pausing does not stop; and it corks nothing that we would not send together.

  pause() {
    this.#isPaused = true;
    return this;
  }

  resume() {
    this.#isPaused = false;
    return this;
  }

  isPaused() {
    return this.#isPaused;
  }

  cork() {}

  uncork() {}

  // --- the end

  /** Sends what was submitted and closes: for the connection it is lost. */
  end(...args) {
    const callback = args.findLast((arg) => typeof arg === 'function');
    if (callback !== undefined) this.once('close', () => callback());
    if (!this.writable) return this;
    this.#isEnded = true;
    this.#end();
    return this;
  }

  destroySoon() {
    this.end();
  }

  /** Hangs up at once. The connection fails with `error`; without one it only closes. */
  destroy(error) {
    if (this.#isDestroyed) return this;
    this.#die(error);
    process.nextTick(() => {
      try {
        this.#destroy(error);
      } finally {
        this.#emitClose(error);
      }
    });
    return this;
  }

  resetAndDestroy() {
    return this.destroy();
  }

  /** The connection has closed; its last may still be on its way. */
  ended() {
    this.#isEnded = true;
  }

  /** The socket is gone; `error` when it failed. */
  gone(error) {
    if (this.#isDestroyed) return;
    this.#die(error);
    process.nextTick(() => {
      if (!error) this.emit('end');
      this.#emitClose(error);
    });
  }

  #die(error) {
    this.#isDestroyed = true;
    this.#error = error ?? null;
    this.#timer?.stop();
    this.#timer = null;
  }

  #emitClose(error) {
    this.#isClosed = true;
    // The connection has told it already.
    if (error && this.listenerCount('error') > 0) this.emit('error', error);
    this.emit('close', Boolean(error));
  }
}

module.exports = { ConnectionStream };
