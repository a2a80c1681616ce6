'use strict';

// The asking side of RPC: `channel.request()`. Replies come by direct reply-to, straight to this channel, so that there is
// no queue to declare and nothing left behind (RabbitMQ's documentation, "Direct Reply-to").

const { clearTimeout, setTimeout } = require('node:timers');

const { validateInteger, validateObject } = require('../internal/validators');
const { signalOf } = require('./cancellation');
const { whenEnded } = require('./channel-end');
const { kOnLost } = require('./channel-keys');
const { errorOf } = require('./remote-error');

const REPLY_TO = 'amq.rabbitmq.reply-to';
const DEFAULT_TIMEOUT = 30_000;
// setTimeout's longest.
const LONGEST_TIMEOUT = 2 ** 31 - 1;
// Requests that wait for a reply, on one channel.
const MOST_PENDING = 65_536;

/** A request that waits for its reply. */
class Pending {
  constructor(correlationId, settle) {
    this.correlationId = correlationId;
    this.settle = settle;
    this.isPublished = false;
    this.timer = undefined;
    this.signal = undefined;
    this.onAbort = undefined;
  }
}

class Requester {
  #channel;
  #pending = new Map();
  #count = 0;
  #isConsuming = false;
  #starting = null;

  constructor(channel) {
    this.#channel = channel;
    channel.on('return', this.#onReturn);
    channel[kOnLost] = this.#onLost;
  }

  async request(exchange, routingKey, content, options = {}) {
    validateObject(options, 'options');
    const { timeout = DEFAULT_TIMEOUT, signal: _, ...publishOptions } = options;
    const signal = signalOf(options);
    validateInteger(timeout, 'options.timeout', 0, LONGEST_TIMEOUT);
    for (const name of ['correlationId', 'replyTo']) {
      if (options[name] !== undefined) throw new TypeError(`options.${name} is what request itself sets`);
    }
    if (this.#pending.size >= MOST_PENDING) {
      throw new Error(`More than ${MOST_PENDING} requests wait for replies on this channel`);
    }
    return new Promise((resolve, reject) => {
      const pending = this.#expect(timeout, signal, (error, reply) =>
        error ? reject(error) : resolve(reply),
      );
      const send = () => {
        // It may have been given up while the channel got ready.
        if (!this.#pending.has(pending.correlationId)) return;
        this.#channel.publish(exchange, routingKey, content, {
          mandatory: true,
          // Nobody is to do the work for a reply that is no longer waited for.
          expiration: timeout || undefined,
          ...publishOptions,
          correlationId: pending.correlationId,
          replyTo: REPLY_TO,
        });
        pending.isPublished = true;
      };
      const fail = (error) => this.#settle(pending, error);
      if (this.#isConsuming) attempt(send, fail);
      else this.#start().then(() => attempt(send, fail), fail);
    });
  }

  #expect(timeout, signal, settle) {
    const pending = new Pending((this.#count++).toString(36), settle);
    this.#pending.set(pending.correlationId, pending);
    if (timeout > 0) pending.timer = setTimeout(() => this.#settle(pending, timeoutError(timeout)), timeout);
    if (signal !== undefined) {
      pending.signal = signal;
      pending.onAbort = () => this.#settle(pending, signal.reason);
      signal.addEventListener('abort', pending.onAbort, { once: true });
    }
    return pending;
  }

  /** The consumer of replies: one a channel, for as long as the channel lives. */
  #start() {
    this.#starting ??= this.#consume().finally(() => (this.#starting = null));
    return this.#starting;
  }

  async #consume() {
    await this.#channel.consume(REPLY_TO, this.#onReply, { noAck: true });
    this.#isConsuming = true;
    whenEnded(this.#channel, this.#rejectAll);
  }

  #settle(pending, error, reply) {
    if (!this.#pending.delete(pending.correlationId)) return;
    clearTimeout(pending.timer);
    pending.signal?.removeEventListener('abort', pending.onAbort);
    pending.settle(error, reply);
  }

  #onReply = (reply) => {
    if (reply === null) {
      this.#rejectAll(new Error('The broker cancelled the consumer of replies'));
      return;
    }
    const pending = this.#pending.get(reply.properties.correlationId);
    // A reply that comes too late is nobody's.
    if (pending !== undefined) this.#settle(pending, errorOf(reply), reply);
  };

  #onReturn = ({ fields, properties }) => {
    if (!properties.replyTo?.startsWith(REPLY_TO)) return;
    const pending = this.#pending.get(properties.correlationId);
    if (pending !== undefined) this.#settle(pending, returnError(fields));
  };

  // The replies would have come to the connection that is gone. The consumer comes back with the channel, and what is
  // published only then gets its reply.
  #onLost = (reason) => {
    for (const pending of [...this.#pending.values()]) if (pending.isPublished) this.#settle(pending, reason);
  };

  #rejectAll = (reason) => {
    this.#isConsuming = false;
    for (const pending of [...this.#pending.values()]) this.#settle(pending, reason);
  };
}

function attempt(action, onError) {
  try {
    action();
  } catch (error) {
    onError(error);
  }
}

function timeoutError(timeout) {
  return Object.assign(new Error(`No reply within ${timeout} ms`), { code: 'ETIMEDOUT' });
}

/** Nobody serves that queue (or there is none). */
function returnError({ replyCode, replyText, exchange, routingKey }) {
  const text = `Request returned: ${replyCode} (${replyText})`;
  return Object.assign(new Error(text), { code: replyCode, exchange, routingKey });
}

module.exports = { Requester };
