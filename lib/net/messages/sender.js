'use strict';

// The sending half of a connection: payloads gather in an outbox, which leaves when it is full or the tick ends.

const { setImmediate } = require('node:timers');

const { LARGE_BYTES, giveBack, takeOutbox } = require('./outbox');

class Sender {
  #isText;
  #highWaterMark;
  #notices;
  #transport = null;
  #outbox = null;
  // What was sent before there was a transport.
  #held = [];
  // Not with the kernel yet; and sent since the last tick. Lengths as outboxes count them.
  #waiting = 0;
  #sentInTick = 0;
  #drainQueued = false;
  #isClosed = false;
  /** Whether 'drain' is to come. */
  needsDrain = false;

  /** `notices`: drain(), failed(errno), left(): everything that was put before is with the kernel. */
  constructor(isText, highWaterMark, notices) {
    this.#isText = isText;
    this.#highWaterMark = highWaterMark;
    this.#notices = notices;
  }

  /** False when the program should wait for `drain`. */
  put(tag, payload) {
    const { length } = payload;
    if (this.#isText) this.#roomFor(length).addText(tag, payload);
    else if (length < LARGE_BYTES) this.#roomFor(length).addBytes(tag, payload);
    else this.#putLarge(tag, payload);

    this.#sentInTick += length;
    if (this.#sentInTick + this.#waiting < this.#highWaterMark) return true;
    this.needsDrain = true;
    if (this.#outbox === null) this.#settle();
    return false;
  }

  #roomFor(length) {
    if (this.#outbox !== null && !this.#outbox.hasRoom(length)) this.#submitOutbox();
    this.#outbox ??= takeOutbox(this);
    return this.#outbox;
  }

  #putLarge(tag, payload) {
    if (this.#outbox !== null) this.#submitOutbox();
    this.#submit(Uint32Array.of(tag, payload.length), 1, payload, payload.length);
  }

  /** The tick's end, or what must not be overtaken. */
  flush() {
    this.#sentInTick = 0;
    if (this.#outbox !== null) this.#submitOutbox();
    this.#settle();
  }

  #submitOutbox() {
    const outbox = this.#outbox;
    this.#outbox = null;
    this.#submit(outbox.table, outbox.count, outbox.payloads(this.#isText), outbox.length);
    giveBack(outbox);
  }

  #submit(table, count, payloads, length) {
    if (this.#isClosed) return;
    if (this.#transport === null) {
      // Outbox and program use their memory again.
      const own = this.#isText ? payloads : Buffer.from(payloads.subarray(0, length));
      this.#held.push([table.slice(0, 2 * count), count, own, length]);
      this.#waiting += length;
      return;
    }
    const waiting = this.#transport.send(table, count, payloads, length);
    if (waiting < 0) {
      this.#notices.failed(waiting);
      return;
    }
    this.#waiting = waiting;
    if (waiting === 0) this.#notices.left();
  }

  open(transport) {
    this.#transport = transport;
    this.#waiting = 0;
    for (const batch of this.#held.splice(0)) this.#submit(...batch);
    this.#settle();
  }

  /** The kernel has taken everything. */
  drained() {
    this.#waiting = 0;
    this.#notices.left();
    this.#drain();
  }

  // In the next turn of the event loop, so that who sends without end lets others have theirs.
  #settle() {
    if (!this.needsDrain || this.#waiting > 0 || this.#drainQueued) return;
    this.#drainQueued = true;
    setImmediate(() => {
      this.#drainQueued = false;
      this.#drain();
    });
  }

  #drain() {
    if (!this.needsDrain || this.#waiting > 0 || this.#isClosed) return;
    this.needsDrain = false;
    this.#notices.drain();
  }

  /** What is sent from now on is dropped. */
  close() {
    this.#isClosed = true;
    if (this.#outbox !== null) this.#submitOutbox();
    this.#held = [];
  }
}

module.exports = { Sender };
