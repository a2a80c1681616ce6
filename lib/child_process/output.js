'use strict';

// Gathering a child's output up to `maxBuffer`.

/**
 * A 'data' listener that puts chunks into `chunks`. Above `maxBuffer` it calls `exceeded` and keeps the beginning
 * ('kill', Node's way: counted in bytes, but of text that many characters stay), or keeps only the beginning ('head') or
 * the end ('tail').
 */
function gatherInto(chunks, stream, { maxBuffer, onMaxBuffer = 'kill' }, exceeded) {
  if (onMaxBuffer === 'tail') return tailInto(chunks, maxBuffer);

  let total = 0;
  return (chunk) => {
    if (maxBuffer === Infinity) {
      chunks.push(chunk);
      return;
    }
    const encoding = stream.readableEncoding;
    const length = encoding ? Buffer.byteLength(chunk, encoding) : chunk.length;
    const room = maxBuffer - total;
    total += length;
    // Not as `<=`: `undefined` is no bound.
    if (!(total > maxBuffer)) {
      chunks.push(chunk);
      return;
    }
    if (room > 0 || onMaxBuffer === 'kill') chunks.push(chunk.slice(0, room));
    if (onMaxBuffer === 'kill') exceeded();
    else total = maxBuffer;
  };
}

// Counts what a chunk counts itself: bytes, or characters of text.
function tailInto(chunks, maxBuffer) {
  let total = chunks.reduce((sum, { length }) => sum + length, 0);
  return (chunk) => {
    chunks.push(chunk);
    total += chunk.length;
    while (total - chunks[0].length >= maxBuffer && chunks.length > 1) total -= chunks.shift().length;
    if (total > maxBuffer) {
      chunks[0] = chunks[0].slice(total - maxBuffer);
      total = maxBuffer;
    }
  };
}

module.exports = { gatherInto };
