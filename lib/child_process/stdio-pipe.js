'use strict';

const { AsyncResource } = require('node:async_hooks');
const { clearImmediate, setImmediate } = require('node:timers');

const { Pipe } = require('../net/handle');

// Our end of a child's stdio pipe: it does not read before the child is known to run, so that 'spawn' is its first event.
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

  /** Calls `callback`, for whom the writing side has ended, in a turn of its own, or with the child's end if that is sooner. */
  finishLater(callback) {
    const finish = AsyncResource.bind(callback, 'SHUTDOWNWRAP');
    const immediate = setImmediate(() => this.tellFinish());
    this.#finish = () => {
      clearImmediate(immediate);
      finish();
    };
  }

  tellFinish() {
    const finish = this.#finish;
    this.#finish = null;
    finish?.();
  }

  release() {
    this.#held = false;
    if (this.#wanted && !this.closed) super.readStart();
  }
}

module.exports = { StdioPipe };
