'use strict';

// What a connection sends in one tick: gathered here, handed to native together.

const { flushAtExit } = require('../../native');

const OUTBOX_MESSAGES = 2048;
/** Bytes, or UTF-16 units of text. */
const OUTBOX_LENGTH = 64 * 1024;
/** From this size on bytes go to the kernel from where they are (LARGE_BYTES in src/messages/join.rs). */
const LARGE_BYTES = 16 * 1024;
// 1.3 MiB. When as many connections send in one tick, the others' go first.
const OUTBOXES_MAX = 16;

class Outbox {
  table = new Uint32Array(2 * OUTBOX_MESSAGES);
  count = 0;
  length = 0;
  text = '';
  #bytes = null;

  hasRoom(length) {
    return this.count < OUTBOX_MESSAGES && this.length + length <= OUTBOX_LENGTH;
  }

  addText(tag, text) {
    this.#enter(tag, text.length);
    this.text += text;
  }

  addBytes(tag, bytes) {
    this.#bytes ??= new Uint8Array(OUTBOX_LENGTH);
    this.#bytes.set(bytes, this.length);
    this.#enter(tag, bytes.length);
  }

  #enter(tag, length) {
    const at = 2 * this.count++;
    this.table[at] = tag;
    this.table[at + 1] = length;
    this.length += length;
  }

  /** The payloads as native takes them. */
  payloads(isText) {
    return isText ? this.text : (this.#bytes ??= new Uint8Array(OUTBOX_LENGTH));
  }

  clear() {
    this.count = 0;
    this.length = 0;
    this.text = '';
  }
}

const spare = [];
let made = 0;
// Connections that have taken an outbox, the oldest first; flush() gives it back. One may be here more than once.
let gathering = [];
// Batches that are being given to the program, one inside of the other.
let receiving = 0;
let tickEndQueued = false;
let exitWatched = false;

function flushAll() {
  const connections = gathering;
  gathering = [];
  for (const connection of connections) connection.flush();
}

/** Runs `give`; what is sent in it leaves when it ends, at less cost than with the tick. */
function whileReceiving(give) {
  receiving++;
  try {
    give();
  } finally {
    if (--receiving === 0 && gathering.length > 0) flushAll();
  }
}

function endTick() {
  tickEndQueued = false;
  flushAll();
}

/** An outbox for `connection`, whose `flush()` is called when the tick, or the batch that it is in, ends. */
function takeOutbox(connection) {
  if (!exitWatched) {
    exitWatched = true;
    flushAtExit(flushAll);
  }
  if (!tickEndQueued && receiving === 0) {
    tickEndQueued = true;
    process.nextTick(endTick);
  }
  while (spare.length === 0 && made >= OUTBOXES_MAX && gathering.length > 0) gathering.shift().flush();
  gathering.push(connection);
  if (spare.length > 0) return spare.pop();
  made++;
  return new Outbox();
}

function giveBack(outbox) {
  outbox.clear();
  spare.push(outbox);
}

module.exports = { LARGE_BYTES, OUTBOX_LENGTH, giveBack, takeOutbox, whileReceiving };
