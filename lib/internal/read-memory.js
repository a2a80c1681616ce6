'use strict';

// The buffers that all streams of this thread read into, whichever copy of this file they belong to; see
// src/binding/memory.rs.

// Not the global: that is an accessor, which costs a call for every chunk.
const { Buffer } = require('node:buffer');

const native = require('../native');

// The large buffer is the chunk's own; else the bytes are copied out of the small or the large one.
const COPY_FROM_LARGE = 1;
const KEEP_LARGE = 2;
// V8 makes arrays of this size without memory outside of its heap; a loop then copies at a fraction of slice()'s cost.
const ON_HEAP_BYTES = 64;

const { slice } = Uint8Array.prototype;

const memory = native.shareReadMemory();
const SMALL = 0;
const LARGE = 1;

/** The chunk that a READ event told of; only during that event. */
function take(taking, length) {
  if (taking === KEEP_LARGE) return memory[LARGE].subarray(0, length);
  if (length <= ON_HEAP_BYTES && taking !== COPY_FROM_LARGE) return copySmall(length);
  return slice.call(memory[taking === COPY_FROM_LARGE ? LARGE : SMALL], 0, length);
}

function copySmall(length) {
  const small = memory[SMALL];
  const chunk = Buffer.allocUnsafeSlow(length);
  for (let index = 0; index < length; index++) chunk[index] = small[index];
  return chunk;
}

module.exports = { take };
