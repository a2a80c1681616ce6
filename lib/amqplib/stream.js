'use strict';

// `connection.connection.stream`: the socket as programs of amqplib look at it and hang up on it. The socket itself is the
// engine's, so there is nothing to read or write here.

const EventEmitter = require('node:events');

class ConnectionStream extends EventEmitter {
  #destroy;
  #end;
  #isEnded = false;
  #isDestroyed = false;
  #isClosed = false;

  connecting = false;
  pending = false;

  /** `addresses` are "local" and "remote", each "IP PORT"; none with a UNIX socket. */
  constructor(addresses, { destroy, end, isEncrypted, isClosed }) {
    super();
    this.#isDestroyed = this.#isClosed = isClosed;
    this.#destroy = destroy;
    this.#end = end;
    if (isEncrypted) this.encrypted = true;
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

  get readable() {
    return !this.#isDestroyed;
  }

  get writable() {
    return !this.#isDestroyed && !this.#isEnded;
  }

  get readyState() {
    if (this.#isDestroyed) return 'closed';
    return this.#isEnded ? 'readOnly' : 'open';
  }

  address() {
    if (this.localAddress === undefined) return {};
    return { address: this.localAddress, family: this.localFamily, port: this.localPort };
  }

  /** Sends what was submitted and closes: for the connection it is lost. */
  end() {
    if (!this.writable) return this;
    this.#isEnded = true;
    this.#end();
    return this;
  }

  /** Hangs up at once. The connection fails with `error`; without one it only closes. */
  destroy(error) {
    if (this.#isDestroyed) return this;
    this.#isDestroyed = true;
    process.nextTick(() => {
      try {
        this.#destroy(error);
      } finally {
        this.#emitClose(error);
      }
    });
    return this;
  }

  /** The connection has closed; its last may still be on its way. */
  ended() {
    this.#isEnded = true;
  }

  /** The socket is gone; `error` when it failed. */
  gone(error) {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    process.nextTick(() => {
      if (!error) this.emit('end');
      this.#emitClose(error);
    });
  }

  #emitClose(error) {
    this.#isClosed = true;
    // The connection has told it already.
    if (error && this.listenerCount('error') > 0) this.emit('error', error);
    this.emit('close', Boolean(error));
  }
}

module.exports = { ConnectionStream };
