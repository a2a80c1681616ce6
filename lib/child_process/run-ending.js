'use strict';

// What ends a run before its child ends by itself, and what its pipes do then.

const { addAbortListener } = require('node:events');
const { clearTimeout, setTimeout } = require('node:timers');

const { AbortError } = require('../internal/abort-error');

class Ending {
  /** The first one counts: 'timeout', 'abort', 'maxBuffer', 'input', 'left' (nobody wants the rest), 'error'. */
  cause;
  /** What 'abort', 'input' and 'error' come from. */
  error;
  /** Resolves when the child and its outputs have ended. */
  over;
  #child;
  #killSignal;
  #settle;

  constructor(child, { timeout, signal, killSignal }) {
    this.#child = child;
    this.#killSignal = killSignal;
    this.over = new Promise((resolve) => (this.#settle = resolve));
    child.once('close', this.#settle);
    child.on('error', (error) => this.#note('error', error));
    child.once('exit', () => {
      if (this.cause !== undefined || (child.killed && child.signalCode !== null)) this.#cut();
    });
    if (timeout > 0) {
      const timer = setTimeout(() => this.end('timeout'), timeout);
      this.over.then(() => clearTimeout(timer));
    }
    if (signal) this.#endOnAbort(signal);
  }

  end(cause, error) {
    this.#note(cause, error);
    if (hasExited(this.#child)) this.#cut();
    else this.#child.kill(this.#killSignal);
  }

  #note(cause, error) {
    this.cause ??= cause;
    this.error ??= error;
  }

  // Not by spawn, which hears of no abort after the exit.
  #endOnAbort(signal) {
    const onAbort = () => this.end('abort', new AbortError(undefined, { cause: signal.reason }));
    if (signal.aborted) {
      process.nextTick(onAbort);
    } else {
      const listener = addAbortListener(signal, onAbort);
      this.over.then(() => listener[Symbol.dispose]());
    }
  }

  // A descendant may hold the pipes for as long as it likes. What the child itself wrote has been read before its 'exit';
  // of a stream that is paused the rest is handed over.
  #cut() {
    const [, ...outputs] = this.#child.stdio ?? [];
    for (const stream of outputs) {
      while (stream?.listenerCount('data') > 0 && stream.read() !== null);
      stream?.destroy();
    }
    if (this.#child.connected) this.#child.disconnect();
    // There is no 'close' after a disconnect() of ours.
    this.#settle();
  }
}

const hasExited = ({ exitCode, signalCode }) => exitCode !== null || signalCode !== null;

module.exports = { Ending };
