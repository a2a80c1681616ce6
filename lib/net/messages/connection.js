'use strict';

// What `net.messages()` returns: sends, tells of what comes, and stops reading when nobody takes it.

const { AsyncResource } = require('node:async_hooks');
const EventEmitter = require('node:events');

const { errnoException } = require('../../internal/system-errors');
const { validateFunction, validateInteger, validateObject } = require('../../internal/validators');
const { decodeError, encodeError } = require('./codecs');
const { closedError, faultError, malformed } = require('./errors');
const { Inbox } = require('./inbox');
const { MessageIterator } = require('./iterator');
const { CANCEL, ERROR, MESSAGE, REQUEST, RESPONSE } = require('./kinds');
const { whileReceiving } = require('./outbox');
const {
  CONCURRENCY,
  Handlers,
  IncomingRequest,
  Requests,
  describeError,
  remoteError,
} = require('./requests');
const { Sender } = require('./sender');
const { DuplexTransport, whenTakeable } = require('./transports');

const CONCURRENCY_MAX = 2 ** 31 - 1;
const HEADER_LENGTH = 8;
// 16 MiB of answers that wait for the kernel.
const UNSENT_LENGTH = 16 * 1024 * 1024;

const tagOf = (kind, id) => ((id << 8) | kind) >>> 0;

class Messages extends EventEmitter {
  #options;
  #codec;
  #sender;
  #transport = null;
  // AsyncLocalStorage of what is told later than the event it comes from.
  #resource = new AsyncResource('MESSAGES');

  #inbox = new Inbox();
  #isReading = false;
  #isPaused = false;
  // resume(): messages that nobody takes are dropped.
  #discards = false;
  #isDelivering = false;
  #deliveryQueued = false;
  #iterators = new Set();

  #requests = new Requests((id) => this.#cancel(id));
  #handlers = new Handlers((id, error, value) => this.#answer(id, error, value));

  // Answers that are not with the kernel yet, and their length as outboxes count it.
  #unsentAnswers = 0;
  #unsentLength = 0;

  // This side sends no more of its own; and the connection has been ended.
  #isEnding = false;
  #hasEnded = false;
  // The peer sends no more; and everything that came before has been taken.
  #peerEnded = false;
  #isDrained = false;
  #isOver = false;
  #isClosed = false;
  #failure = null;

  /** `options`: codec (of codecs.js), maxLength, highWaterMark; `isOurs`: a socket whose descriptor we take over. */
  constructor(socket, options, isOurs) {
    super();
    this.socket = socket;
    this.#options = options;
    this.#codec = options.codec;
    this.#sender = new Sender(this.#codec.isText, options.highWaterMark, {
      drain: () => this.emit('drain'),
      failed: (status) => socket.destroy(errnoException(status, 'write')),
      left: () => this.#answersLeft(),
    });
    this.on('newListener', (event) => {
      if (event === 'message') this.#deliverLater();
    });
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#close());
    if (isOurs)
      whenTakeable(socket, (Transport) => this.#open(new Transport(socket, this.#receiver, options)));
    else this.#open(new DuplexTransport(socket, this.#receiver, options));
  }

  send(value) {
    if (this.#isEnding) throw closedError();
    const payload = this.#codec.encode(value, this.#options.maxLength);
    return !this.#isOver && this.#sender.put(MESSAGE, payload);
  }

  get writableNeedDrain() {
    return this.#sender.needsDrain;
  }

  request(value, options = {}) {
    return new Promise((resolve, reject) => {
      Requests.check(options);
      const payload = this.#codec.encode(value, this.#options.maxLength);
      if (this.#isEnding || this.#isOver || this.#peerEnded) throw closedError(this.#failure);
      this.#requests.checkRoom();
      this.#sender.put(tagOf(REQUEST, this.#requests.add(resolve, reject, options)), payload);
    });
  }

  handle(handler, options = {}) {
    if (handler !== null) validateFunction(handler, 'handler');
    validateObject(options, 'options');
    const { concurrency = CONCURRENCY } = options;
    validateInteger(concurrency, 'options.concurrency', 1, CONCURRENCY_MAX);
    this.#handlers.handler = handler;
    this.#handlers.limit = concurrency;
    this.#deliverLater();
    return this;
  }

  pause() {
    this.#isPaused = true;
    this.#updateReading();
    return this;
  }

  resume() {
    this.#isPaused = false;
    this.#discards = true;
    this.#deliverLater();
    return this;
  }

  isPaused() {
    return this.#isPaused;
  }

  [Symbol.asyncIterator]() {
    const iterator = new MessageIterator(this.#source);
    this.#iterators.add(iterator);
    return iterator;
  }

  ref() {
    this.socket.ref?.();
    return this;
  }

  unref() {
    this.socket.unref?.();
    return this;
  }

  end() {
    this.#isEnding = true;
    this.#endWhenIdle();
    return this;
  }

  close() {
    const closed = new Promise((resolve) => {
      if (this.#isClosed) resolve();
      else this.once('close', resolve);
    });
    this.end().resume();
    return closed;
  }

  destroy(error) {
    this.#isEnding = true;
    this.socket.destroy(error);
    return this;
  }

  get destroyed() {
    return this.socket.destroyed;
  }

  #cancel(id) {
    if (!this.#isOver) this.#sender.put(tagOf(CANCEL, id), this.#codec.nothing);
    this.#endWhenIdle();
  }

  #answer(id, error, value) {
    if (!this.#isOver) {
      let payload;
      try {
        if (error === null) payload = this.#codec.encodeAnswer(value, this.#options.maxLength);
      } catch (reason) {
        error = reason;
      }
      if (error !== null) payload = encodeError(describeError(error), this.#codec);
      this.#unsentAnswers++;
      this.#unsentLength += HEADER_LENGTH + payload.length;
      this.#sender.put(tagOf(error === null ? RESPONSE : ERROR, id), payload);
    }
    // There is room for another request.
    if (!this.#inbox.isEmpty) this.#deliverLater();
    this.#endWhenIdle();
  }

  #answersLeft() {
    const wasFull = this.#isFull;
    this.#unsentAnswers = 0;
    this.#unsentLength = 0;
    if (wasFull) this.#deliverLater();
  }

  // A peer that does not take its answers has to wait with further requests. Both at once: peers that ask each other for
  // much would wait for each other soon.
  get #isFull() {
    return this.#unsentAnswers >= this.#handlers.limit && this.#unsentLength >= UNSENT_LENGTH;
  }

  #start(request) {
    return !this.#isFull && this.#handlers.start(request);
  }

  #open(transport) {
    if (transport.status < 0) {
      this.socket.destroy(errnoException(transport.status, 'open'));
      return;
    }
    this.#transport = transport;
    this.#sender.open(transport);
    // Listeners of the first moment are to hear the first message.
    process.nextTick(() => this.#resource.runInAsyncScope(() => this.#begin()));
  }

  #begin() {
    if (this.socket.destroyed) return;
    this.#transport.begin();
    this.#updateReading();
    this.#endWhenIdle();
  }

  // What the transport tells.
  #receiver = {
    flush: () => this.#sender.flush(),
    drained: () => this.#sender.drained(),
    batch: (count, payloads, table, isPlain) => this.#receive(count, payloads, table, isPlain),
    fault: (number, detail) => this.socket.destroy(faultError(number, detail, this.#options)),
    ended: () => this.#peerEnd(),
  };

  #receive(count, payloads, table, isPlain) {
    if (this.socket.destroyed) return;
    const values = [];
    let fault = null;
    try {
      this.#codec.decode(payloads, table, count, values);
    } catch (error) {
      fault = error;
    }
    let entries = values;
    if (!isPlain) {
      entries = [];
      // Of its own: an abort listener may bring the next batch of another connection into the table.
      const words = table.slice(0, 2 * values.length);
      try {
        for (let at = 0; at < values.length; at++)
          this.#sort(words[2 * at], words[2 * at + 1], values[at], entries);
      } catch (error) {
        fault = error;
      }
    }
    if (entries.length > 0) this.#inbox.add(entries);
    try {
      whileReceiving(() => this.#deliver());
    } finally {
      if (fault !== null) this.socket.destroy(fault);
    }
  }

  // Answers and cancellations have their effect at once, messages and requests wait for their turn. Throws what is wrong
  // with the peer.
  #sort(tag, length, value, entries) {
    const kind = tag & 0xff;
    const id = tag >>> 8;
    if (kind === MESSAGE) {
      entries.push(value);
      return;
    }
    if (kind === REQUEST) {
      const request = this.#handlers.accept(id, value);
      if (request === null) throw malformed('two requests of the same id');
      if (this.#isEnding && !this.#isFull) this.#handlers.refuse(request, closedError());
      else entries.push(request);
      return;
    }
    if (kind === CANCEL) {
      this.#handlers.cancel(id);
      return;
    }
    const isKnown =
      kind === ERROR
        ? this.#requests.reject(id, remoteError(decodeError(value)))
        : this.#requests.resolve(id, length === 0 ? this.#codec.emptyAnswer : value);
    if (!isKnown) throw malformed('an answer to no request');
    this.#endWhenIdle();
  }

  // A listener that throws keeps nothing from the others: the rest follows in a tick of its own.
  #deliver() {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    const inbox = this.#inbox;
    let hasThrown = true;
    try {
      while (!inbox.isEmpty && !this.#isPaused && !this.socket.destroyed) {
        const entry = inbox.take();
        if (this.#give(entry)) continue;
        inbox.putBack(entry);
        break;
      }
      hasThrown = false;
    } finally {
      this.#isDelivering = false;
      if (hasThrown) this.#deliverLater();
      this.#updateReading();
    }
  }

  /** False when nobody takes it now. */
  #give(entry) {
    if (entry instanceof IncomingRequest) return this.#start(entry);
    if (this.#iterators.size === 0) return this.emit('message', entry) || this.#discards;
    for (const iterator of this.#iterators) {
      if (!iterator.isWaiting) continue;
      iterator.give(entry);
      return true;
    }
    return false;
  }

  #deliverLater() {
    if (this.#deliveryQueued) return;
    this.#deliveryQueued = true;
    process.nextTick(() => {
      this.#deliveryQueued = false;
      this.#resource.runInAsyncScope(() => this.#deliver());
    });
  }

  // What an iterator asks.
  #source = {
    take: () => this.#takeNext(),
    left: (iterator) => {
      this.#iterators.delete(iterator);
      this.#deliverLater();
    },
  };

  // Null: not yet; undefined: nothing any more.
  #takeNext() {
    const inbox = this.#inbox;
    while (!inbox.isEmpty && !this.#isPaused) {
      const entry = inbox.take();
      if (entry instanceof IncomingRequest) {
        if (this.#start(entry)) continue;
        inbox.putBack(entry);
      } else {
        if (inbox.isEmpty) this.#updateReading();
        return { value: entry };
      }
      break;
    }
    this.#updateReading();
    if (!inbox.isEmpty) return null;
    if (this.#failure !== null) throw this.#failure;
    return this.#isDrained || this.socket.destroyed ? undefined : null;
  }

  #updateReading() {
    if (this.#peerEnded) this.#endReceiving();
    const wanted = !this.#isPaused && !this.#peerEnded && this.#inbox.isEmpty;
    if (wanted === this.#isReading || this.#transport === null || this.socket.destroyed) return;
    this.#isReading = wanted;
    this.#transport.setReading(wanted);
  }

  #endWhenIdle() {
    if (!this.#isEnding || this.#hasEnded || this.#transport === null || this.#isOver) return;
    if (this.#requests.waiting > 0 || this.#handlers.open > 0) return;
    this.#hasEnded = true;
    this.#sender.flush();
    this.socket.end();
  }

  #peerEnd() {
    this.#peerEnded = true;
    this.#giveUp(null);
    if (!this.#isDelivering) this.#endReceiving();
  }

  #endReceiving() {
    if (this.#isDrained || !this.#inbox.isEmpty || this.socket.destroyed) return;
    this.#isDrained = true;
    if (!this.socket.allowHalfOpen) {
      // The socket ends with its peer.
      this.#sender.flush();
      this.#isOver = true;
    }
    for (const iterator of [...this.#iterators]) iterator.end(null);
    this.#transport.finish();
    this.emit('end');
    this.#endWhenIdle();
  }

  /** Requests of either side come to nothing; returns how many of ours there were. */
  #giveUp(cause) {
    const told = this.#requests.failAll(cause);
    this.#handlers.abortAll();
    return told;
  }

  #fail(error) {
    this.#isOver = true;
    this.#failure = error;
    const told = this.#giveUp(error) + this.#iterators.size;
    if (this.#inbox.isEmpty) for (const iterator of [...this.#iterators]) iterator.end(error);
    // Who waits for an answer or a message has learnt of it.
    if (told === 0 || this.listenerCount('error') > 0) this.emit('error', error);
  }

  #close() {
    this.#isOver = true;
    this.#isClosed = true;
    this.#giveUp(this.#failure);
    this.#sender.close();
    this.#transport?.close();
    if (this.#iterators.size === 0) this.#inbox.clear();
    else for (const iterator of [...this.#iterators]) iterator.end(null);
    this.emit('close');
  }
}

if (Symbol.asyncDispose) {
  Messages.prototype[Symbol.asyncDispose] = function () {
    return this.close();
  };
}

module.exports = { Messages };
