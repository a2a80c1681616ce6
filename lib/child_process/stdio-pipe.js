'use strict';

const { Pipe } = require('../net/handle');

// Our end of a child's stdio pipe: nothing is heard of it before the child is known to run, so that 'spawn' comes first.
class StdioPipe extends Pipe {
  // As it is called in Node: see `getValidStdio`.
  static name = 'Pipe';

  #held = true;
  #wanted = false;
  #finish = null;

  readStart() {
    if (!this.#held) return super.readStart();
    this.#wanted = true;
    return 0;
  }

  readStop() {
    this.#wanted = false;
    return super.readStop();
  }

  shutdown(callback) {
    super.shutdown(() => {
      if (this.#held) this.#finish = callback;
      else callback();
    });
  }

  release() {
    this.#held = false;
    this.#finish?.();
    if (this.#wanted && !this.closed) super.readStart();
  }
}

module.exports = { StdioPipe };
