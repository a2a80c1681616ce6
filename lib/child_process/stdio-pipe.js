'use strict';

const { Pipe } = require('../net/handle');

// Our end of a child's stdio pipe: it does not read before the child is known to run, so that 'spawn' is its first event.
class StdioPipe extends Pipe {
  // As it is called in Node: see `getValidStdio`.
  static name = 'Pipe';

  #held = true;
  #wanted = false;

  readStart() {
    if (!this.#held) return super.readStart();
    this.#wanted = true;
    return 0;
  }

  readStop() {
    this.#wanted = false;
    return super.readStop();
  }

  release() {
    this.#held = false;
    if (this.#wanted && !this.closed) super.readStart();
  }
}

module.exports = { StdioPipe };
