'use strict';

// The buffer that the streams of this thread read into; see src/binding/memory.rs.

const native = require('../native');

let memory;

native.setReadMemoryAllocator((size) => {
  memory = Buffer.allocUnsafeSlow(size);
  return memory;
});

/** The chunk that a READ event told of; only during that event. */
function take(keepsBuffer, length) {
  const bytes = memory.subarray(0, length);
  if (keepsBuffer) return bytes;
  const chunk = Buffer.allocUnsafeSlow(length);
  chunk.set(bytes);
  return chunk;
}

module.exports = { take };
