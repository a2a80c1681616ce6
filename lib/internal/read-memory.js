'use strict';

// The buffers that the streams of this thread read into; see src/binding/memory.rs.

// Not the global: that is an accessor, which costs a call for every chunk.
const { Buffer } = require('node:buffer');

const native = require('../native');

// The large buffer is the chunk's own; else the bytes are copied out of the small or the large one.
const COPY_FROM_LARGE = 1;
const KEEP_LARGE = 2;
const PAGE_BYTES = 4096;
// V8 makes arrays of this size without memory outside of its heap; a loop then copies at a fraction of slice()'s cost.
const ON_HEAP_BYTES = 64;

const { slice } = Uint8Array.prototype;

let small;
let large;

native.setReadMemoryAllocator((size, isLarge) => {
  // On a page of its own: into memory a few bytes past a page, where malloc puts large pieces, some processors copy from
  // the kernel's pages at half the speed (docs/design/streams.md).
  const room = Buffer.allocUnsafeSlow(size + PAGE_BYTES);
  const start = native.bytesToPage(room);
  const memory = room.subarray(start, start + size);
  if (isLarge) large = memory;
  else small = memory;
  return memory;
});

/** The chunk that a READ event told of; only during that event. */
function take(taking, length) {
  if (taking === KEEP_LARGE) return large.subarray(0, length);
  if (length <= ON_HEAP_BYTES && taking !== COPY_FROM_LARGE) return copySmall(length);
  return slice.call(taking === COPY_FROM_LARGE ? large : small, 0, length);
}

function copySmall(length) {
  const chunk = Buffer.allocUnsafeSlow(length);
  for (let index = 0; index < length; index++) chunk[index] = small[index];
  return chunk;
}

module.exports = { take };
