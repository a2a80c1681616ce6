'use strict';

const { lookup } = require('node:dns/promises');
const EventEmitter = require('node:events');
const { isIP, isIPv6 } = require('node:net');
const path = require('node:path');

const { ERR_INVALID_ARG_VALUE } = require('./internal/errors');
const { requireNetPermission } = require('./internal/permission');
const { uvExceptionWithHostPort } = require('./internal/system-errors');
const {
  validateArray,
  validateInteger,
  validateObject,
  validatePort,
  validateString,
  validateStringWithoutNullBytes,
} = require('./internal/validators');
const { requireAddon } = require('./native/no-addon');

// The specification's least frame size, and the largest the field holds.
const FRAME_MAX = [4096, 2 ** 32 - 1];
const UINT16_MAX = 2 ** 16 - 1;

class Broker extends EventEmitter {
  #handle;
  #closed = Promise.withResolvers ? Promise.withResolvers() : withResolvers();

  /** @internal */
  constructor(options, address) {
    super();
    const { BrokerHandle } = requireAddon('createBroker()');
    if (address !== undefined) requireNetPermission();
    if (options.path !== undefined) requireNetPermission(options.path);
    this.#handle = new BrokerHandle(this, this.#onEvent);
    const { errno, failedPath, refusal, port } = this.#handle.start({ ...options, host: address });
    if (refusal) throw new Error(refusal);
    if (errno) {
      const [where, wherePort] = failedPath ? [options.path, -1] : [address, options.port];
      throw uvExceptionWithHostPort(errno, 'listen', where, wherePort);
    }
    this.host = address;
    this.port = address && port;
    this.path = options.path;
    this.url = address ? tcpUrl(address, port) : unixUrl(options.path);
  }

  #onEvent() {
    for (const { direction, failure } of this.#handle.takeReports()) {
      if (failure === undefined) this.emit('link-open', direction);
      else this.emit('link-failed', direction, new Error(failure));
    }
    if (this.#handle.isClosed) this.#closed.resolve();
  }

  close() {
    this.#handle.close();
    return this.#closed.promise;
  }

  ref() {
    this.#handle.ref();
    return this;
  }

  unref() {
    this.#handle.unref();
    return this;
  }
}

if (Symbol.asyncDispose) {
  Object.defineProperty(Broker.prototype, Symbol.asyncDispose, {
    value() {
      return this.close();
    },
    configurable: true,
    writable: true,
  });
}

function tcpUrl(address, port) {
  return `amqp://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}

/** As `connect` of oxipc/amqplib takes it. */
function unixUrl(socketPath) {
  const names = path.resolve(socketPath).split(path.sep).map(encodeURIComponent);
  return `amqp+unix://${names.join('/')}`;
}

function withResolvers() {
  const resolvers = {};
  resolvers.promise = new Promise((resolve, reject) => Object.assign(resolvers, { resolve, reject }));
  return resolvers;
}

async function createBroker(options = {}) {
  validateObject(options, 'options');
  const {
    path: socketPath,
    host = '127.0.0.1',
    users = [],
    loopbackUsers,
    definitions,
    frameMax,
    channelMax,
    heartbeat,
  } = options;
  const { port = socketPath === undefined ? 5672 : undefined, memoryHighWatermark, forward, fetch } = options;
  if (socketPath !== undefined) validateStringWithoutNullBytes(socketPath, 'options.path');
  if (port !== undefined) validatePort(port, 'options.port');
  validateString(host, 'options.host');
  validateArray(users, 'options.users');
  users.forEach(({ name, password }, index) => {
    validateString(name, `options.users[${index}].name`);
    validateString(password, `options.users[${index}].password`);
  });
  if (loopbackUsers !== undefined) {
    validateArray(loopbackUsers, 'options.loopbackUsers');
    loopbackUsers.forEach((name, index) => validateString(name, `options.loopbackUsers[${index}]`));
  }
  validateDefinitions(definitions);
  if (frameMax !== undefined) validateInteger(frameMax, 'options.frameMax', ...FRAME_MAX);
  if (channelMax !== undefined) validateInteger(channelMax, 'options.channelMax', 0, UINT16_MAX);
  if (heartbeat !== undefined) validateInteger(heartbeat, 'options.heartbeat', 0, UINT16_MAX);
  if (memoryHighWatermark !== undefined) {
    validateInteger(memoryHighWatermark, 'options.memoryHighWatermark', 0);
  }
  const native = {
    path: socketPath,
    port: Number(port ?? 0),
    users: users.flatMap(({ name, password }) => [name, password]),
    loopbackUsers,
    definitions: typeof definitions === 'object' ? JSON.stringify(definitions) : definitions,
    frameMax,
    channelMax,
    heartbeat,
    memoryHighWatermark,
    forward: validateLink(forward, 'options.forward'),
    fetch: validateLink(fetch, 'options.fetch'),
  };
  return new Broker(native, port === undefined ? undefined : await resolve(host));
}

// An object, or its JSON text.
function validateDefinitions(definitions) {
  if (definitions === undefined) return;
  if (typeof definitions !== 'string') {
    validateObject(definitions, 'options.definitions');
  } else if (!definitions.trimStart().startsWith('{')) {
    throw new ERR_INVALID_ARG_VALUE(
      'options.definitions',
      definitions,
      'must be JSON, and not the path of a file',
    );
  }
}

function validateLink(link, name) {
  if (link === undefined) return undefined;
  validateObject(link, name);
  const { vhost = '/' } = link;
  validateString(link.url, `${name}.url`);
  const scheme = link.url.split(':', 1)[0];
  // No more of it in the text: it may hold a password.
  if (scheme !== 'amqp' && scheme !== 'amqps') {
    throw new ERR_INVALID_ARG_VALUE(`${name}.url`, scheme, 'must begin with amqp: or amqps:');
  }
  validateString(vhost, `${name}.vhost`);
  validateArray(link.queues, `${name}.queues`);
  if (link.queues.length === 0) {
    throw new ERR_INVALID_ARG_VALUE(`${name}.queues`, link.queues, 'must name a queue at least');
  }
  link.queues.forEach((queue, index) => validateString(queue, `${name}.queues[${index}]`));
  return { url: link.url, vhost, queues: link.queues };
}

async function resolve(host) {
  return isIP(host) ? host : (await lookup(host)).address;
}

module.exports = { createBroker };
