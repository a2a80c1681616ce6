'use strict';

// The option `input` of run(): what is written to the child's stdin.

const { finished, Readable } = require('node:stream');

/** An input that ends in an error ends the run; a child that does not read all of it is no failure. */
function feed(stdin, input, ending) {
  stdin.on('error', () => {});
  if (input == null) stdin.end();
  else if (typeof input === 'string') stdin.end(input);
  else if (ArrayBuffer.isView(input)) stdin.end(bytesOf(input));
  else pour(input instanceof Readable ? input : Readable.from(input), stdin, ending);
}

// Node 20 writes no view but a Uint8Array.
function bytesOf({ buffer, byteOffset, byteLength }) {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

// Not pipeline(): it does not tell whose error it reports, and what is neither text nor bytes is thrown from it at nobody.
function pour(source, stdin, ending) {
  let hasEnded = false;
  let over = false;
  const stop = () => {
    over = true;
    // What has been read to its end may have another half, which is its owner's.
    if (!hasEnded) source.destroy();
  };
  stdin.once('close', stop);
  // The child's 'close' may come before that of its stdin.
  ending.over.then(stop);
  source.on('data', (chunk) => {
    try {
      if (stdin.write(chunk)) return;
      source.pause();
      stdin.once('drain', () => source.resume());
    } catch (error) {
      source.destroy(error);
    }
  });
  finished(source, { writable: false }, (error) => {
    hasEnded = true;
    if (!error) stdin.end();
    else if (!over) ending.end('input', error);
  });
}

module.exports = { feed };
