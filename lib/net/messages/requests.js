'use strict';

// Requests: ours, which wait for their answers, and the peer's, which wait for a handler or for its end.
//
// Every request gets one answer, also a cancelled one: until then its id stays taken.

const { clearTimeout, setTimeout } = require('node:timers');

const { AbortError } = require('../../internal/abort-error');
const { validateAbortSignal, validateInteger, validateObject } = require('../../internal/validators');
const {
  ERR_MESSAGE_NO_HANDLER,
  ERR_MESSAGE_REQUEST_TIMEOUT,
  ERR_MESSAGE_REQUESTS_UNANSWERED,
  closedError,
} = require('./errors');

const CONCURRENCY = 1024;
const ID_MAX = 0xffffff;
// Requests that were given up and whose answers are still to come: a peer that never answers must not cost more and more.
const GIVEN_UP_MAX = 65_536;
const TIMEOUT_MAX_MS = 2 ** 31 - 1;
// What is told of an error; with every character escaped still less than a peer takes (ERROR_BYTES in
// src/messages/frame.rs).
const ERROR_TEXT_MAX = 8192;
const ERROR_WORD_MAX = 256;

class Pending {
  timer = null;
  signal = null;
  onAbort = null;

  constructor(resolve, reject) {
    this.resolve = resolve;
    this.reject = reject;
  }

  forget() {
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.signal !== null) this.signal.removeEventListener('abort', this.onAbort);
  }
}

/** Requests of this side. */
class Requests {
  // Null for a request that nobody waits for any more.
  #byId = new Map();
  #lastId = 0;
  #cancel;
  /** Those that somebody waits for. */
  waiting = 0;

  /** `cancel(id)` tells the peer that nobody waits any more. */
  constructor(cancel) {
    this.#cancel = cancel;
  }

  /** Throws what is wrong with the options, or the reason not to begin at all. */
  static check(options) {
    validateObject(options, 'options');
    const { timeout, signal } = options;
    if (timeout !== undefined) validateInteger(timeout, 'options.timeout', 1, TIMEOUT_MAX_MS);
    validateAbortSignal(signal, 'options.signal');
    if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason });
  }

  /** Throws when the peer leaves too many unanswered. */
  checkRoom() {
    const givenUp = this.#byId.size - this.waiting;
    if (givenUp >= GIVEN_UP_MAX || this.#byId.size === ID_MAX) {
      throw new ERR_MESSAGE_REQUESTS_UNANSWERED(givenUp);
    }
  }

  /** Returns the request's id. After `checkRoom`. */
  add(resolve, reject, { timeout, signal }) {
    const id = this.#freeId();
    const pending = new Pending(resolve, reject);
    this.#byId.set(id, pending);
    this.waiting++;
    if (timeout !== undefined) {
      pending.timer = setTimeout(() => this.#abandon(id, new ERR_MESSAGE_REQUEST_TIMEOUT(timeout)), timeout);
    }
    if (signal !== undefined) {
      pending.signal = signal;
      pending.onAbort = () => this.#abandon(id, new AbortError(undefined, { cause: signal.reason }));
      signal.addEventListener('abort', pending.onAbort, { once: true });
    }
    return id;
  }

  #freeId() {
    do this.#lastId = this.#lastId === ID_MAX ? 1 : this.#lastId + 1;
    while (this.#byId.has(this.#lastId));
    return this.#lastId;
  }

  #abandon(id, error) {
    this.#take(id, null)?.reject(error);
    this.#cancel(id);
  }

  /** What waits under the id, if anybody waits; undefined for an id that no request has. */
  #take(id, replacement) {
    const pending = this.#byId.get(id);
    if (replacement === undefined) this.#byId.delete(id);
    else this.#byId.set(id, replacement);
    if (pending) {
      this.waiting--;
      pending.forget();
    }
    return pending;
  }

  /** False when there is no such request. */
  resolve(id, value) {
    const pending = this.#take(id);
    pending?.resolve(value);
    return pending !== undefined;
  }

  reject(id, error) {
    const pending = this.#take(id);
    pending?.reject(error);
    return pending !== undefined;
  }

  /** Returns how many were told. */
  failAll(cause) {
    const told = this.waiting;
    for (const [id, pending] of this.#byId) if (pending) this.reject(id, closedError(cause));
    this.#byId.clear();
    return told;
  }
}

/** A request of the peer's; the handler gets it as its second argument. */
class IncomingRequest {
  #controller = null;
  #isAborted = false;

  constructor(id, value) {
    this.id = id;
    this.value = value;
  }

  get isAborted() {
    return this.#isAborted;
  }

  /** Made when asked for: it costs as much as all the rest of a request. */
  get signal() {
    if (this.#controller === null) {
      this.#controller = new globalThis.AbortController();
      if (this.#isAborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  abort() {
    this.#isAborted = true;
    this.#controller?.abort();
  }
}

/** What a handler is told besides the value. */
class RequestContext {
  #request;

  constructor(request) {
    this.#request = request;
  }

  get signal() {
    return this.#request.signal;
  }
}

/** Requests of the peer. */
class Handlers {
  handler = null;
  limit = CONCURRENCY;
  running = 0;
  #byId = new Map();
  #answer;

  /** `answer(id, error, value)` sends one; `error` is null or the error, described. */
  constructor(answer) {
    this.#answer = answer;
  }

  /** Null when the id is taken. */
  accept(id, value) {
    if (this.#byId.has(id)) return null;
    const request = new IncomingRequest(id, value);
    this.#byId.set(id, request);
    return request;
  }

  /** Those that have no answer yet. */
  get open() {
    return this.#byId.size;
  }

  cancel(id) {
    this.#byId.get(id)?.abort();
  }

  refuse(request, error) {
    this.#finish(request, error);
  }

  /** False when as many run as may. */
  start(request) {
    if (request.isAborted) {
      this.#finish(request, new AbortError());
      return true;
    }
    if (this.handler === null) {
      this.#finish(request, new ERR_MESSAGE_NO_HANDLER());
      return true;
    }
    if (this.running >= this.limit) return false;

    this.running++;
    let result;
    try {
      result = this.handler.call(undefined, request.value, new RequestContext(request));
      if (typeof result?.then === 'function') {
        Promise.resolve(result).then(
          (value) => this.#end(request, null, value),
          (error) => this.#end(request, error ?? new Error(String(error))),
        );
        return true;
      }
    } catch (error) {
      this.#end(request, error ?? new Error(String(error)));
      return true;
    }
    this.#end(request, null, result);
    return true;
  }

  #end(request, error, value) {
    this.running--;
    this.#finish(request, error, value);
  }

  #finish(request, error, value) {
    if (!this.#byId.delete(request.id)) return;
    this.#answer(request.id, error, value);
  }

  /** Nobody waits for answers any more. */
  abortAll() {
    const requests = [...this.#byId.values()];
    this.#byId.clear();
    for (const request of requests) request.abort();
  }
}

/** The JSON text that tells the peer of an error. */
function describeError(error) {
  let described;
  try {
    const { name, message, code } = typeof error === 'object' ? error : { message: error };
    const isCode = typeof code === 'string' || typeof code === 'number';
    described = {
      name: typeof name === 'string' ? name : 'Error',
      message: message === undefined ? '' : String(message),
      code: isCode ? code : undefined,
    };
  } catch {
    // It has accessors that throw.
    described = { name: 'Error', message: '' };
  }
  const { name, message, code } = described;
  return JSON.stringify({
    name: name.slice(0, ERROR_WORD_MAX),
    message: message.slice(0, ERROR_TEXT_MAX),
    code: typeof code === 'string' ? code.slice(0, ERROR_WORD_MAX) : code,
  });
}

/** The error that the peer has told of. */
function remoteError({ name, message, code }) {
  const error = new Error(typeof message === 'string' ? message : '');
  if (typeof name === 'string' && name !== 'Error') {
    Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  }
  if (typeof code === 'string' || typeof code === 'number') error.code = code;
  return error;
}

module.exports = { CONCURRENCY, Handlers, IncomingRequest, Requests, describeError, remoteError };
