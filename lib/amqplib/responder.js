'use strict';

// The answering side of RPC: `channel.respond()`.

const { validateFunction } = require('../internal/validators');
const { asyncDisposable } = require('./async-dispose');
const { onceAborted, signalOf } = require('./cancellation');
const { whenEnded } = require('./channel-end');
const { DEFAULT_PREFETCH } = require('./message-iterator');
const { errorHeaders } = require('./remote-error');
const { reportHandlerError } = require('./safe-emit');

const EMPTY = Buffer.alloc(0);

// What becomes of a request.
const ACK = (channel, request) => channel.ack(request);
const REFUSE = (channel, request) => channel.nack(request, false, false);
const REQUEUE = (channel, request) => channel.nack(request, false, true);

class Responder {
  #channel;
  #handler;
  #noAck = false;
  #running = new Set();
  #closing = null;
  #forget = () => {};
  #resolveClosed;
  #rejectClosed;

  consumerTag;
  /** Resolves after `close`; rejects with the reason when the broker or the channel's end stopped it. */
  closed = new Promise((resolve, reject) => {
    this.#resolveClosed = resolve;
    this.#rejectClosed = reject;
  });

  constructor(channel, handler) {
    this.#channel = channel;
    this.#handler = handler;
    // Nobody has to look.
    this.closed.catch(() => {});
  }

  async start(queue, { prefetch = DEFAULT_PREFETCH, signal, ...options }) {
    this.#noAck = !!options.noAck;
    if (!this.#noAck) await this.#channel.prefetch(prefetch);
    ({ consumerTag: this.consumerTag } = await this.#channel.consume(queue, this.#onRequest, options));
    this.#forget = whenEnded(this.#channel, this.#rejectClosed);
    if (signal === undefined) return;
    if (signal.aborted) {
      await this.close();
      throw signal.reason;
    }
    onceAborted(this.#channel, signal, () => this.close().catch(() => {}));
  }

  /** Takes no more requests, and resolves when those under way are answered. */
  close() {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close() {
    await this.#channel.cancel(this.consumerTag);
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.#forget();
    this.#resolveClosed();
  }

  #onRequest = (request) => {
    if (request === null) {
      this.#forget();
      this.#rejectClosed(new Error('The broker cancelled the consumer of requests'));
      return undefined;
    }
    const serving = this.#serve(request).finally(() => this.#running.delete(serving));
    this.#running.add(serving);
    return serving;
  };

  async #serve(request) {
    const { replyTo } = request.properties;
    let settle = ACK;
    try {
      const answer = await this.#handler(request);
      if (replyTo && !this.#attempt(() => this.#reply(request, answer))) settle = REQUEUE;
    } catch (error) {
      this.#report(error);
      const failure = { content: EMPTY, headers: errorHeaders(error) };
      // Without an address there is nobody to tell: the queue's dead letters are the place for it.
      if (!replyTo) settle = REFUSE;
      else if (!this.#attempt(() => this.#reply(request, failure))) settle = REQUEUE;
    }
    if (!this.#noAck) this.#attempt(() => settle(this.#channel, request));
  }

  // False when the channel closed meanwhile, or is away and keeps no more: then somebody else is to get the request.
  #attempt(action) {
    try {
      action();
      return true;
    } catch (error) {
      if (error.name !== 'IllegalOperationError' && error.code !== 'ERR_AMQP_BUFFER_FULL') throw error;
      return false;
    }
  }

  // Of an answer that cannot be sent the handler itself never hears.
  #report(error) {
    if (this.#channel.listenerCount('handler-error') > 0) reportHandlerError(this.#channel, 'request', error);
  }

  #reply({ properties: { replyTo, correlationId } }, answer) {
    const { content, ...options } = Buffer.isBuffer(answer)
      ? { content: answer }
      : (answer ?? { content: EMPTY });
    this.#channel.publish('', replyTo, content, { ...options, correlationId });
  }
}
asyncDisposable(Responder);

/** Answers the requests of a queue: see `Channel.respond` in the types. */
async function respond(channel, queue, handler, options = {}) {
  validateFunction(handler, 'handler');
  signalOf(options);
  const responder = new Responder(channel, handler);
  await responder.start(queue, options);
  return responder;
}

module.exports = { respond };
