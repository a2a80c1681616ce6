'use strict';

/** The channel numbers of a connection: always the lowest free one. */
class ChannelNumbers {
  #highest = 0;
  // Freed numbers below the highest, as a heap would be overkill: channels are few.
  #free = [];

  /** 0 when there is none up to `max`. */
  take(max) {
    if (this.#free.length > 0) return this.#free.shift();
    return this.#highest < max ? ++this.#highest : 0;
  }

  free(number) {
    let at = this.#free.length;
    while (at > 0 && this.#free[at - 1] > number) at--;
    this.#free.splice(at, 0, number);
  }
}

module.exports = { ChannelNumbers };
