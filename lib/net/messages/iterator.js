'use strict';

/** One `for await` over a connection's messages. Leaving the loop leaves the connection as it is. */
class MessageIterator {
  #source;
  #isDone = false;
  // Calls of next() that no message has come for.
  #waiting = [];

  /**
   * `source` has take(): the next message as { value }, null when there is none yet, undefined at the end; it throws what the
   * connection has failed with. And left(iterator).
   */
  constructor(source) {
    this.#source = source;
  }

  get isWaiting() {
    return this.#waiting.length > 0;
  }

  next() {
    if (this.#isDone) return Promise.resolve({ value: undefined, done: true });
    if (this.#waiting.length === 0) {
      try {
        const taken = this.#source.take();
        if (taken !== null) return Promise.resolve(this.#result(taken));
      } catch (error) {
        this.#finish();
        return Promise.reject(error);
      }
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #result(taken) {
    if (taken !== undefined) return { value: taken.value, done: false };
    this.#finish();
    return { value: undefined, done: true };
  }

  give(value) {
    this.#waiting.shift().resolve({ value, done: false });
  }

  /** Nothing more will come. What waits learns of `error`, if there is one, once. */
  end(error) {
    if (this.#waiting.length === 0) return;
    const [first, ...others] = this.#waiting.splice(0);
    if (error) first.reject(error);
    else first.resolve({ value: undefined, done: true });
    for (const { resolve } of others) resolve({ value: undefined, done: true });
    this.#finish();
  }

  return(value) {
    for (const { resolve } of this.#waiting.splice(0)) resolve({ value: undefined, done: true });
    this.#finish();
    return Promise.resolve({ value, done: true });
  }

  #finish() {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#source.left(this);
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

module.exports = { MessageIterator };
