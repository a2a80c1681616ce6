'use strict';

// One output of run(): gathered for the result, or given to a loop line by line.

const { ERR_INVALID_STATE } = require('../internal/errors');
const { LineCutter } = require('./line-cutter');
const { gatherInto } = require('./output');

class Output {
  #stream;
  #options;
  #exceeded;
  // For the result, or what the loop has not seen yet.
  #chunks = [];
  #add;
  #isTaken = false;
  #isLooping = false;
  #isCut = false;
  #hasEnded = false;
  #wake = () => {};

  /** `exceeded` is to end the child: there was more than `maxBuffer`. */
  constructor(stream, options, exceeded) {
    this.#stream = stream;
    this.#options = options;
    this.#exceeded = () => {
      this.#isCut = true;
      stream.destroy();
      exceeded();
    };
    this.#add = gatherInto(this.#chunks, stream, options, this.#exceeded);
    if (options.encoding) stream.setEncoding(options.encoding);
    stream.on('data', (chunk) => {
      this.#add(chunk);
      // A slow loop is to slow the child, not to fill our memory.
      if (this.#isLooping) stream.pause();
      this.#wake();
    });
    // What it was is in the exit status.
    stream.on('error', () => {});
    stream.once('close', () => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  /** All that no loop has taken: empty when one has begun before its end. */
  get result() {
    const { encoding, stripFinalNewline } = this.#options;
    if (!encoding) return Buffer.concat(this.#chunks);
    const text = this.#chunks.join('');
    return stripFinalNewline ? text.replace(/\r?\n$/, '') : text;
  }

  /** While a loop, which may take for ever, reads another output: no end by a limit that nobody asked for. */
  keepEnd() {
    const { isLimited, maxBuffer } = this.#options;
    if (isLimited || this.#hasEnded) return;
    this.#add = gatherInto(this.#chunks, this.#stream, { maxBuffer, onMaxBuffer: 'tail' });
  }

  /** The lines, from the first on. A loop over a live output takes them; when it has ended they are there for all. */
  lines() {
    if (this.#isTaken) throw new ERR_INVALID_STATE('the lines have been taken by another loop');
    return this.#lines();
  }

  async *#lines() {
    const cutter = new LineCutter();
    if (this.#hasEnded) {
      for (const chunk of this.#chunks) yield* cutter.cut(chunk);
    } else {
      this.#take();
      try {
        while (await this.#hasMore()) {
          for (const chunk of this.#chunks.splice(0)) {
            yield* cutter.cut(chunk);
            this.#limit(cutter);
          }
        }
      } finally {
        this.#discard();
      }
    }
    if (cutter.rest !== '' && !this.#isCut) yield cutter.rest;
  }

  #take() {
    this.#isTaken = true;
    this.#isLooping = true;
    const { isLimited, onMaxBuffer } = this.#options;
    if (!isLimited || onMaxBuffer === 'tail') this.#add = (chunk) => this.#chunks.push(chunk);
  }

  async #hasMore() {
    while (this.#chunks.length === 0 && !this.#hasEnded) {
      const woken = new Promise((resolve) => (this.#wake = resolve));
      this.#stream.resume();
      await woken;
    }
    return this.#chunks.length > 0;
  }

  // A line that never ends would be gathered for ever.
  #limit(cutter) {
    const { maxBuffer, onMaxBuffer } = this.#options;
    const excess = cutter.rest.length - maxBuffer;
    if (excess <= 0) return;
    if (onMaxBuffer === 'tail') cutter.rest = cutter.rest.slice(excess);
    else if (!this.#hasEnded) this.#exceeded();
  }

  // The child may write on its way out, and must not wait for a reader then.
  #discard() {
    this.#isLooping = false;
    this.#add = () => {};
    this.#chunks.length = 0;
    this.#stream.resume();
  }
}

module.exports = { Output };
