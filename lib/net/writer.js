'use strict';

// Writing to a stream handle. The first write of a tick goes to the kernel at once, as Node's would; small ones that
// follow in the same tick are gathered and leave together when it ends, when 64 KiB are full, when the stream ends or
// closes, or when the process exits.
//
// A gathered write counts as written: only the kernel's refusal of the whole batch makes the stream wait, so a program
// sees `write()` return what it returns in Node.

const { Buffer } = require('node:buffer');

const native = require('../native');

const BATCH_BYTES = 64 * 1024;
// Copying a piece this small costs less than a system call of its own.
const SMALL_BYTES = 16 * 1024;
const UTF8_BYTES_PER_UNIT = 3;
// V8 makes arrays of this size without memory outside of its heap, and makes that when native asks where their bytes are.
const ON_HEAP_BYTES = 64;
const writeMemory = Buffer.from(native.shareWriteMemory().buffer);
const PLACED_UNITS = Math.floor(writeMemory.length / UTF8_BYTES_PER_UNIT);
// 1 MiB. When as many streams gather at once, the others write at once.
const BATCHES_MAX = 16;

// An event of a handle is a tick of its own, whose end native counts: process.nextTick() would cost more than all else that is
// done for a small write.
const ticks = native.shareTicks();
const NUMBER = 0;
const IN_EVENT = 1;
// No tick has it.
const NEVER = -1;

const spareBatches = [];
let batchCount = 0;

// Writers that have gathered something in this tick.
let gathering = [];
let tickEndsQueued = false;
let exiting = false;
let exitWatched = false;
// A variable: native holds it weakly.
const flushAtExit = () => {
  exiting = true;
  flushAll();
};

function endTick() {
  tickEndsQueued = false;
  ticks[NUMBER]++;
  flushAll();
}

function queueTickEnd() {
  if (tickEndsQueued) return;
  tickEndsQueued = true;
  process.nextTick(endTick);
}

function flushAll() {
  if (gathering.length === 0) return;
  const writers = gathering;
  gathering = [];
  for (const writer of writers) writer.flush();
}

function watchExit() {
  exitWatched = true;
  native.flushAtExit(flushAtExit);
}

class Writer {
  // `onFailure(status)` learns that a batch was refused, whose writes have been reported as done.
  constructor(native, onFailure) {
    this.native = native;
    this.onFailure = onFailure;
    this.bytesWritten = 0;
    // The tick of the last write.
    this.tick = NEVER;
    this.batch = null;
    this.batchLength = 0;
    // What to call when the kernel has taken the rest of a write; null when nothing is left over.
    this.onWritten = null;
    // At most one: the stream starts no second write before the first is done, but a batch may be on its way.
    this.waiting = null;
  }

  // Calls `done(status, async)` when the kernel has taken `data` (a Uint8Array or a list of them) or refused it.
  write(data, done) {
    this.bytesWritten += byteLength(data);
    this.#markTick();
    if (this.onWritten !== null) this.waiting = { data, done };
    else if (this.batch !== null) this.#submitBatch(data, done);
    else this.#submit(data, done);
  }

  /** Nothing is on its way or gathered. */
  get isIdle() {
    return this.onWritten === null && this.batch === null;
  }

  // Of an idle writer: 0 when the kernel took all, a negative errno, or how many bytes are left: `onWritten` is to be set then.
  writeNow(chunk, encoding) {
    this.#markTick();
    const length = place(chunk, encoding);
    if (length >= 0) {
      const rest = this.native.writePlaced(length);
      // A short text that is refused at once is not counted, as in Node; bytes are.
      if (rest >= 0 || typeof chunk !== 'string') this.bytesWritten += length;
      return rest;
    }
    const bytes = toBytes(chunk, encoding);
    this.bytesWritten += bytes.byteLength;
    return this.native.write(bytes);
  }

  // As write(), with the descriptors of a native.DescriptorCopies on the first byte.
  writeWithDescriptors(data, copies, done) {
    this.bytesWritten += data.byteLength;
    this.#markTick();
    this.flush();
    if (this.onWritten !== null) this.waiting = { data, done, copies };
    else this.#submit(data, done, copies);
  }

  // True when `chunk` was small enough, and late enough in the tick, to leave with others.
  gather(chunk, encoding) {
    if (this.tick !== ticks[NUMBER] || this.onWritten !== null || exiting) return false;
    const isString = typeof chunk === 'string';
    const room = isString ? chunk.length * UTF8_BYTES_PER_UNIT : chunk.byteLength;
    if (room > SMALL_BYTES) return false;

    if (this.batch !== null && this.batchLength + room > BATCH_BYTES) {
      this.flush();
      // The kernel is full, or the stream has failed.
      if (this.onWritten !== null || this.native.fd < 0) return false;
    }
    if (this.batch === null && !this.#startBatch()) return false;

    let length;
    if (isString) {
      length = this.batch.write(chunk, this.batchLength, encoding);
    } else {
      this.batch.set(chunk, this.batchLength);
      length = chunk.byteLength;
    }
    this.batchLength += length;
    this.bytesWritten += length;
    return true;
  }

  // Hands the batch to the kernel.
  flush() {
    if (this.batch === null || this.onWritten !== null) return;
    this.#submitBatch(undefined, (status) => {
      if (status < 0) this.onFailure(status);
    });
  }

  // Ends the writing side once everything has left, or was refused.
  shutdown() {
    this.flush();
    if (this.onWritten !== null) this.waiting = { data: null, done: () => this.native.shutdown() };
    else this.native.shutdown();
  }

  // The native handle's WRITTEN.
  written(status) {
    const done = this.onWritten;
    this.onWritten = null;
    done(status, true);
    const next = this.waiting;
    if (next === null || this.onWritten !== null) return;
    this.waiting = null;
    if (status < 0 || next.data === null) next.done(status, true);
    else this.#submit(next.data, next.done, next.copies);
  }

  // Gives up what the kernel has not taken, in order: each `{ data, done }`, of which `done` is still to be called. Nothing is
  // gathered then.
  giveUp() {
    if (this.onWritten === null) return [];
    const unwritten = [{ data: this.native.takeUnwritten(), done: this.onWritten }];
    if (this.waiting !== null && this.waiting.data !== null) unwritten.push(this.waiting);
    this.onWritten = null;
    this.waiting = null;
    // What it holds is copied, and not to be written when the tick ends.
    this.#endBatch();
    return unwritten;
  }

  // Nothing more will be written. Returns what waits to be told of a write, if anything.
  close() {
    this.flush();
    if (this.onWritten === null) return null;
    const pending = [this.onWritten, this.waiting?.done].filter(Boolean);
    this.onWritten = null;
    this.waiting = null;
    return pending;
  }

  #submit(data, done, copies) {
    const rest =
      copies !== undefined
        ? this.native.writeWithDescriptors(data, copies)
        : Array.isArray(data)
          ? this.native.writev(data)
          : this.native.write(data);
    if (rest > 0) this.onWritten = done;
    else done(rest, false);
  }

  #submitBatch(data, done) {
    const bytes = this.batch.subarray(0, this.batchLength);
    const all = data === undefined ? bytes : [bytes].concat(data);
    this.#submit(all, (status, async) => {
      this.#endBatch();
      done(status, async);
    });
  }

  #startBatch() {
    if (spareBatches.length === 0 && batchCount === BATCHES_MAX) return false;
    if (!exitWatched) watchExit();
    if (spareBatches.length === 0) batchCount++;
    this.batch = spareBatches.pop() ?? Buffer.allocUnsafeSlow(BATCH_BYTES);
    gathering.push(this);
    queueTickEnd();
    return true;
  }

  #endBatch() {
    if (this.batch === null) return;
    spareBatches.push(this.batch);
    this.batch = null;
    this.batchLength = 0;
  }

  #markTick() {
    this.tick = ticks[NUMBER];
    if (ticks[IN_EVENT] === 0) queueTickEnd();
  }
}

// Puts it where native sends it from, and returns its length in bytes; -1 when it is cheaper to hand it over.
function place(chunk, encoding) {
  if (typeof chunk === 'string') {
    return chunk.length <= PLACED_UNITS ? writeMemory.write(chunk, 0, encoding) : -1;
  }
  const { byteLength } = chunk;
  if (byteLength > ON_HEAP_BYTES) return -1;
  for (let index = 0; index < byteLength; index++) writeMemory[index] = chunk[index];
  return byteLength;
}

function toBytes(chunk, encoding) {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
}

function byteLength(data) {
  if (!Array.isArray(data)) return data.byteLength;
  let length = 0;
  for (const piece of data) length += piece.byteLength;
  return length;
}

module.exports = { Writer, toBytes };
