'use strict';

// A byte buffer that grows, for what is encoded once in a while: methods and field tables. Numbers out of range throw
// Node's ERR_OUT_OF_RANGE, as they do in amqplib.

const FIRST_BYTES = 1024;

class Writer {
  constructor() {
    this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.at = 0;
    this.limit = Infinity;
  }

  /** Starts over; what grows beyond `limit` bytes throws. */
  begin(limit) {
    this.at = 0;
    this.limit = limit;
  }

  /** A view of what was written, valid until the next `begin`. */
  end() {
    // The buffer may have grown beyond the limit for what was written before.
    this.#check(this.at);
    return this.bytes.subarray(0, this.at);
  }

  #check(count) {
    if (count <= this.limit) return;
    throw new RangeError(
      `Encoded field table (headers or arguments) exceeds the ${this.limit} byte encoding buffer`,
    );
  }

  reserve(count) {
    const needed = this.at + count;
    if (needed <= this.bytes.length) return;
    this.#check(needed);
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  uint8(value) {
    this.reserve(1);
    this.at = this.bytes.writeUInt8(value, this.at);
  }

  uint16(value) {
    this.reserve(2);
    this.at = this.bytes.writeUInt16BE(value, this.at);
  }

  uint32(value) {
    this.reserve(4);
    this.at = this.bytes.writeUInt32BE(value, this.at);
  }

  uint64(value) {
    this.reserve(8);
    this.at = this.bytes.writeBigUInt64BE(BigInt(value), this.at);
  }

  /** A text whose length in bytes is known to be below 256. */
  shortString(text) {
    const length = Buffer.byteLength(text);
    this.uint8(length);
    this.text(text, length);
  }

  longString(text) {
    const length = Buffer.byteLength(text);
    this.uint32(length);
    this.text(text, length);
  }

  text(text, length) {
    this.reserve(length);
    this.bytes.write(text, this.at, 'utf8');
    this.at += length;
  }

  /** With its length before it. */
  longBytes(bytes) {
    this.uint32(bytes.length);
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }
}

module.exports = { Writer };
