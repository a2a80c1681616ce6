'use strict';

const { StringDecoder } = require('node:string_decoder');

/** Cuts text, or the bytes of UTF-8, into lines at \n and \r\n; unlike readline not at the U+2028 that JSON may hold. */
class LineCutter {
  /** The beginning of a line whose end is to come. */
  rest = '';
  #decoder = new StringDecoder('utf8');

  cut(chunk) {
    const text = typeof chunk === 'string' ? chunk : this.#decoder.write(chunk);
    const lines = text.split('\n');
    lines[0] = this.rest + lines[0];
    this.rest = lines.pop();
    return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  }
}

module.exports = { LineCutter };
