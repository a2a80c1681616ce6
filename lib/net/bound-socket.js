'use strict';

// net.BoundSocket: an address taken before it is known what for. A server or a socket then adopts it.

const { ERR_INVALID_ARG_VALUE, ERR_SOCKET_HANDLE_ADOPTED } = require('../internal/errors');
const { errnoException, exceptionWithHostPort } = require('../internal/system-errors');
const { validateBoolean, validateObject, validatePort, validateString } = require('../internal/validators');
const { IPV6_ONLY, Pipe, REUSE_PORT, TCP } = require('./handle');
const { isIP } = require('./ip');
const { kConsume } = require('./symbols');

const INET_OPTIONS = ['host', 'port', 'ipv6Only', 'reusePort'];

class BoundSocket {
  #handle;
  #path;

  // A TCP handle instead of options: one that another process has bound.
  constructor(options = {}) {
    if (options instanceof TCP) {
      this.#handle = options;
      return;
    }
    validateObject(options, 'options');
    const { path } = options;
    if (path === undefined) {
      this.#handle = bindAddress(options);
    } else {
      validateString(path, 'options.path');
      if (INET_OPTIONS.some((name) => options[name] !== undefined)) {
        const reason = 'path is mutually exclusive with host, port, ipv6Only, and reusePort';
        throw new ERR_INVALID_ARG_VALUE('options', options, reason);
      }
      this.#path = path;
      this.#handle = bindPath(path);
    }
  }

  address() {
    const handle = this.#open();
    if (this.#path !== undefined) return this.#path;
    const out = {};
    const status = handle.getsockname(out);
    if (status) throw errnoException(status, 'address');
    return out;
  }

  fd() {
    return this.#open().fd;
  }

  close() {
    this.#open().close();
    this.#handle = null;
  }

  get isPipe() {
    return this.#path !== undefined;
  }

  // The handle, which belongs to the caller from then on.
  [kConsume]() {
    const handle = this.#open();
    this.#handle = null;
    return handle;
  }

  #open() {
    if (this.#handle === null) throw new ERR_SOCKET_HANDLE_ADOPTED();
    return this.#handle;
  }

  static {
    if (Symbol.dispose) {
      Object.defineProperty(BoundSocket.prototype, Symbol.dispose, {
        configurable: true,
        writable: true,
        value() {
          if (this.#handle !== null) this.close();
        },
      });
    }
  }
}

function bindAddress({ host = '0.0.0.0', port = 0, ipv6Only = false, reusePort = false }) {
  validateString(host, 'options.host');
  validatePort(port, 'options.port');
  validateBoolean(ipv6Only, 'options.ipv6Only');
  validateBoolean(reusePort, 'options.reusePort');
  const version = isIP(host);
  if (version === 0)
    throw new ERR_INVALID_ARG_VALUE(
      'options.host',
      host,
      'must be a numeric IP address; net.BoundSocket does not perform DNS resolution',
    );

  const handle = new TCP();
  const flags = (ipv6Only ? IPV6_ONLY : 0) | (reusePort ? REUSE_PORT : 0);
  const status =
    version === 6 ? handle.bind6(host, port | 0, flags) : handle.bind(host, port | 0, flags & ~IPV6_ONLY);
  const failure = status < 0 ? status : handle.delayedError;
  if (failure < 0) {
    handle.close();
    throw exceptionWithHostPort(failure, 'bind', host, port);
  }
  return handle;
}

function bindPath(path) {
  const handle = new Pipe();
  const status = handle.bindPath(path);
  if (status < 0) {
    handle.close();
    throw errnoException(status, 'bind');
  }
  return handle;
}

module.exports = { BoundSocket };
