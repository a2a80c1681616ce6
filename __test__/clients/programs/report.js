// What the programs tell the test, and what they count.

const path = require('node:path');

/** Which file the name `amqplib` leads to here, and whether the original was loaded all the same. */
function loadedAmqplib() {
  const files = Object.keys(require.cache);
  return {
    ours: files.includes(path.join(__dirname, '..', '..', '..', 'lib', 'amqplib', 'connection.js')),
    original: files.some((file) => file.includes(`node_modules${path.sep}amqplib${path.sep}`)),
  };
}

/** Messages by number: sent with a confirm, and received at least once. */
class Count {
  confirmed = new Set();
  received = new Set();
  #check = () => {};

  /** Resolves when every message confirmed by now was received. */
  complete() {
    return new Promise((resolve) => {
      this.#check = () => {
        if ([...this.confirmed].every((n) => this.received.has(n))) resolve();
      };
      this.#check();
    });
  }

  receive(n) {
    this.received.add(n);
    this.#check();
  }
}

const tell = (event, values = {}) => process.send({ event, ...values });

module.exports = { Count, loadedAmqplib, tell };
