'use strict';

/** One line on stderr that says what is being measured and how much is left; a line per case where it cannot be redrawn. */
class Progress {
  #total;
  #rounds;
  #done = 0;
  #lastCase = '';

  constructor(cases, rounds) {
    this.#rounds = rounds;
    const measurements = ({ variants, contenders }) =>
      Object.keys(variants).length * Object.keys(contenders).length;
    this.#total = cases.reduce((sum, one) => sum + measurements(one) * rounds, 0);
  }

  step(name, variant, contender, round) {
    this.#done += 1;
    if (process.stderr.isTTY) {
      const what = [name, variant, contender].filter(Boolean).join(', ');
      this.clear();
      process.stderr.write(`${this.#done}/${this.#total} ${what}, round ${round + 1} of ${this.#rounds}`);
    } else if (name !== this.#lastCase) {
      this.#lastCase = name;
      process.stderr.write(`${this.#done}/${this.#total} ${name} …\n`);
    }
  }

  clear() {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }
}

module.exports = { Progress };
