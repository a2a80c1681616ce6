'use strict';

const { Pipe } = require('../net/handle');

// Our end of a child's stdio pipe: nothing is heard of it before the child is known to run, so that 'spawn' comes first.
class StdioPipe extends Pipe {
  // As it is called in Node: see `getValidStdio`.
  static name = 'Pipe';

  #held = true;
  #wanted = false;
  #onFinish = null;
  // Of the handle of Node's that has taken its place meanwhile.
  onRelease = null;

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
      if (this.#held) this.#onFinish = callback;
      else callback();
    });
  }

  get isHeld() {
    return this.#held;
  }

  release() {
    this.#held = false;
    this.onRelease?.();
    // To be told in its place, behind 'spawn', unless there is no child and it is closed.
    if (this.#onFinish !== null) super.shutdown(this.#onFinish);
    if (this.#wanted && !this.closed) super.readStart();
  }
}

module.exports = { StdioPipe };
