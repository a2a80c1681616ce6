'use strict';

/** What has come and nobody has taken yet: messages, and requests of the peer. Bounded by what one read brings. */
class Inbox {
  #entries = [];
  #at = 0;

  get isEmpty() {
    return this.#at === this.#entries.length;
  }

  /** Takes the array over. */
  add(entries) {
    if (this.isEmpty) {
      this.#entries = entries;
      this.#at = 0;
    } else {
      for (const entry of entries) this.#entries.push(entry);
    }
  }

  /** The first entry. What has been taken is let go of when the last one is. */
  take() {
    const entry = this.#entries[this.#at++];
    if (this.#at === this.#entries.length) this.clear();
    return entry;
  }

  /** Puts an entry back that has just been taken. */
  putBack(entry) {
    if (this.#at > 0) this.#at--;
    else this.#entries = [entry];
  }

  clear() {
    this.#entries = [];
    this.#at = 0;
  }
}

module.exports = { Inbox };
