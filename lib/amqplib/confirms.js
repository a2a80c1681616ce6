'use strict';

// The window of unconfirmed publishes of a confirm channel, by delivery tag.

const { runAll } = require('./safe-emit');

const CONFIRMED = null;
// Confirmed places at the front are cut off when they are many; shifting each time would cost the window's length.
const CUT_AT = 1024;

class Confirms {
  #callbacks = [];
  #first = 0;
  #lowestTag = 1;
  // On a channel that comes back: what was published, place by place.
  #messages = null;
  #release = undefined;

  get size() {
    return this.#callbacks.length - this.#first;
  }

  /** The places, the oldest first. */
  window() {
    return this.#callbacks.slice(this.#first);
  }

  /** From now on messages are kept; `release(message)` hears which are settled. */
  keepMessages(release) {
    this.#messages = [];
    this.#release = release;
  }

  /** The message of the next place. */
  keep(message) {
    this.#messages[this.#callbacks.length] = message;
  }

  /** A publish without a callback takes a place as well. */
  push(callback) {
    this.#callbacks.push(callback || false);
  }

  /** Calls `settle(callback)` for every place that `deliveryTag` confirms. */
  confirm({ deliveryTag, multiple }, settle) {
    if (multiple) {
      const count = deliveryTag === 0 ? this.size : deliveryTag - this.#lowestTag + 1;
      const confirmed = this.#callbacks.slice(this.#first, this.#first + count);
      if (this.#messages !== null) this.#releaseFrom(this.#first, confirmed.length);
      this.#advance(confirmed.length);
      for (const callback of confirmed) if (callback !== CONFIRMED) settle(callback);
      return;
    }
    const index = this.#first + deliveryTag - this.#lowestTag;
    const callback = index >= this.#first ? this.#callbacks[index] : undefined;
    if (callback === undefined) return;
    this.#callbacks[index] = CONFIRMED;
    if (this.#messages !== null) this.#releaseFrom(index, 1);
    if (index === this.#first) this.#advance(1);
    if (callback !== CONFIRMED) settle(callback);
  }

  #advance(count) {
    this.#first += count;
    this.#lowestTag += count;
    while (this.#first < this.#callbacks.length && this.#callbacks[this.#first] === CONFIRMED) {
      this.#first++;
      this.#lowestTag++;
    }
    if (this.#first > CUT_AT && this.#first * 2 > this.#callbacks.length) {
      this.#callbacks.splice(0, this.#first);
      this.#messages?.splice(0, this.#first);
      this.#first = 0;
    }
  }

  #releaseFrom(first, count) {
    for (let index = first; index < first + count; index++) {
      const message = this.#messages[index];
      if (message === undefined) continue;
      this.#messages[index] = undefined;
      this.#release(message);
    }
  }

  /** The messages kept, in order. */
  kept() {
    return this.#messages.slice(this.#first);
  }

  /** The channel will count from 1 again: places that are confirmed go, the others close up. */
  restart() {
    const isOpen = (_, index) => index >= this.#first && this.#callbacks[index] !== CONFIRMED;
    this.#messages = this.#messages.filter(isOpen);
    this.#callbacks = this.#callbacks.filter(isOpen);
    this.#first = 0;
    this.#lowestTag = 1;
  }

  /** Gives the first `count` places up, after `restart`; `errorOf(message)` is what their callbacks hear. */
  drop(count, errorOf) {
    const messages = this.#messages.splice(0, count);
    const callbacks = this.#callbacks.splice(0, count);
    for (const message of messages) this.#release(message);
    callbacks.forEach((callback, index) => {
      if (callback) callback(errorOf(messages[index]));
    });
  }

  /** Takes out one place, after `restart`, and returns a function that tells its callback of the error. */
  take(index, error) {
    const [message] = this.#messages.splice(index, 1);
    const [callback] = this.#callbacks.splice(index, 1);
    this.#release(message);
    return () => {
      if (callback) callback(error);
    };
  }

  /** A promise that every place is acknowledged, and rejects with the first that is not. */
  wait() {
    const awaiting = [];
    for (let index = this.#first; index < this.#callbacks.length; index++) {
      const callback = this.#callbacks[index];
      if (callback === CONFIRMED) continue;
      awaiting.push(
        new Promise((resolve, reject) => {
          this.#callbacks[index] = (error) => {
            if (callback) callback(error);
            if (error === null) resolve();
            else reject(error);
          };
        }),
      );
    }
    return Promise.all(awaiting);
  }

  /** The channel is closed: every callback hears `errorOf(message)`. True when there was anything unconfirmed. */
  fail(errorOf) {
    const callbacks = this.#callbacks.slice(this.#first);
    const messages = this.#messages?.slice(this.#first);
    if (messages !== undefined) this.#releaseFrom(this.#first, messages.length);
    this.#callbacks = [];
    if (messages !== undefined) this.#messages = [];
    this.#first = 0;
    const tell = (callback, index) => {
      if (callback) callback(errorOf(messages?.[index]));
    };
    runAll(...callbacks.map((callback, index) => () => tell(callback, index)));
    return callbacks.some((callback) => callback !== CONFIRMED);
  }
}

module.exports = { Confirms };
