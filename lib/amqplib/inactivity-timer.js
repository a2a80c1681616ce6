'use strict';

const { clearTimeout, setTimeout } = require('node:timers');

/** Calls back when nothing has passed for so long, once for each silence. It does not keep the process alive. */
class InactivityTimer {
  #duration;
  #idleTime;
  #callback;
  #timer;
  #hasFired = false;
  #since = performance.now();

  /** `idleTime()` says how many milliseconds ago something passed; silence counts from now on. */
  constructor(duration, idleTime, callback) {
    this.#duration = duration;
    this.#idleTime = idleTime;
    this.#callback = callback;
    this.#schedule(duration);
  }

  #schedule(delay) {
    this.#timer = setTimeout(() => this.#look(), delay).unref();
  }

  #look() {
    const idle = Math.min(this.#idleTime(), performance.now() - this.#since);
    const isSilent = idle >= this.#duration;
    this.#schedule(Math.max(1, isSilent ? this.#duration : Math.ceil(this.#duration - idle)));
    const fires = isSilent && !this.#hasFired;
    this.#hasFired = isSilent;
    if (fires) this.#callback();
  }

  stop() {
    clearTimeout(this.#timer);
  }
}

module.exports = { InactivityTimer };
