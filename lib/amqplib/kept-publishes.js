'use strict';

// Publishes that may have to be sent again, or wait to be sent at all: copies of what was given, packed, and how much of
// that a connection holds.

const { kDrainLater } = require('./channel-keys');
const { LastPublish, Orders } = require('./orders');
const { snapshot } = require('./snapshot');

const SLAB_BYTES = 64 * 1024;
// Larger contents get memory of their own.
const APART_BYTES = 16 * 1024;
// Fresh memory costs more than the copying, so that much of what was used stays.
const SPARE_BYTES = 4 * 1024 * 1024;

class KeptPublish {
  constructor(exchange, routingKey, publication, slab, start, length, isSent) {
    this.exchange = exchange;
    this.routingKey = routingKey;
    this.publication = publication;
    this.slab = slab;
    this.start = start;
    this.length = length;
    /** It has left for the broker at least once. */
    this.isSent = isSent;
  }

  get content() {
    return this.slab.bytes.subarray(this.start, this.start + this.length);
  }
}

class Slab {
  at = 0;
  kept = 0;

  constructor(size) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }
}

/** The publishes that one connection keeps, and their bounds. */
class KeptPublishes {
  #slab = new Slab(SLAB_BYTES);
  #spares = [];
  #spareBytes = 0;
  #count = 0;
  #bytes = 0;
  #most;
  #mostBytes;
  #waiting = new Set();

  constructor({ bufferMessages, bufferBytes }) {
    this.#most = bufferMessages;
    this.#mostBytes = bufferBytes;
  }

  /** Time to hold back: half of what there is room for is taken. */
  get isFull() {
    return this.#count * 2 >= this.#most || this.#bytes * 2 >= this.#mostBytes;
  }

  hasRoom(length) {
    return this.#count < this.#most && this.#bytes + length <= this.#mostBytes;
  }

  keep(exchange, routingKey, publication, content, isSent) {
    const { length } = content;
    this.#count++;
    this.#bytes += length;
    // All else in a publication are values of its own.
    if (!publication.isPlain) publication.headers = snapshot(publication.headers);
    const slab = length >= APART_BYTES ? this.#takeSlab(length) : this.#slabFor(length);
    const start = slab.at;
    slab.bytes.set(content, start);
    slab.at += length;
    slab.kept++;
    return new KeptPublish(exchange, routingKey, publication, slab, start, length, isSent);
  }

  #slabFor(length) {
    if (this.#slab.at + length > SLAB_BYTES) {
      this.#slab = this.#takeSlab(SLAB_BYTES);
    }
    return this.#slab;
  }

  #takeSlab(size) {
    const index = this.#spares.findLastIndex(({ bytes }) => bytes.length >= size && bytes.length <= 2 * size);
    if (index < 0) return new Slab(size);
    const [slab] = this.#spares.splice(index, 1);
    this.#spareBytes -= slab.bytes.length;
    return slab;
  }

  #giveBack(slab) {
    slab.at = 0;
    if (slab === this.#slab || this.#spareBytes + slab.bytes.length > SPARE_BYTES) return;
    this.#spares.push(slab);
    this.#spareBytes += slab.bytes.length;
  }

  release(message) {
    this.#count--;
    this.#bytes -= message.length;
    const { slab } = message;
    if (--slab.kept === 0) this.#giveBack(slab);
    if (this.#waiting.size > 0 && !this.isFull) {
      const channels = [...this.#waiting];
      this.#waiting.clear();
      for (const channel of channels) channel[kDrainLater]();
    }
  }

  /** The channel drains when it is no longer time to hold back. */
  drainLater(channel) {
    this.#waiting.add(channel);
  }

  forget(channel) {
    this.#waiting.delete(channel);
  }
}

const nowhere = new Orders(() => {});

/** Throws what sending this would. */
function checkPublish(exchange, routingKey, publication, content) {
  if (!Buffer.isBuffer(content)) throw new TypeError('content is not a buffer');
  nowhere.publish(0, new LastPublish(), exchange, routingKey, publication, content);
  nowhere.flush();
}

module.exports = { KeptPublishes, checkPublish };
