'use strict';

// The syntax of NODE_OPTIONS: arguments between blanks; a blank between double quotes is part of the argument, and there a
// backslash escapes what follows it. Quotes may begin inside an argument.

/** The arguments of NODE_OPTIONS, each with its place in the text. */
function parseNodeOptions(text) {
  const found = [];
  let current = null;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    let character = text[index];
    if (character === ' ' && !quoted) {
      current = null;
      continue;
    }
    if (current === null) {
      current = { value: '', start: index, end: index };
      found.push(current);
    }
    if (character === '"') quoted = !quoted;
    else {
      if (character === '\\' && quoted) character = text[++index] ?? '';
      current.value += character;
    }
    current.end = index + 1;
  }
  return found;
}

/** An argument as NODE_OPTIONS has to spell it. */
function quoteNodeOption(value) {
  return /[ "]/.test(value) ? `"${value.replace(/[\\"]/g, '\\$&')}"` : value;
}

module.exports = { parseNodeOptions, quoteNodeOption };
