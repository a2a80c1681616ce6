'use strict';

// The window of unconfirmed publishes of a confirm channel, by delivery tag.

const CONFIRMED = null;
// Confirmed places at the front are cut off when they are many; shifting each time would cost the window's length.
const CUT_AT = 1024;

class Confirms {
  #callbacks = [];
  #first = 0;
  #lowestTag = 1;

  get size() {
    return this.#callbacks.length - this.#first;
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
      this.#advance(confirmed.length);
      for (const callback of confirmed) if (callback !== CONFIRMED) settle(callback);
      return;
    }
    const index = this.#first + deliveryTag - this.#lowestTag;
    const callback = index >= this.#first ? this.#callbacks[index] : undefined;
    if (callback === undefined) return;
    this.#callbacks[index] = CONFIRMED;
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
      this.#first = 0;
    }
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

  /** The channel is closed: every callback hears `error`. True when there was anything unconfirmed. */
  fail(error) {
    const open = this.#callbacks.slice(this.#first).filter((callback) => callback !== CONFIRMED);
    this.#callbacks = [];
    this.#first = 0;
    for (const callback of open) if (callback) callback(error);
    return open.length > 0;
  }
}

module.exports = { Confirms };
