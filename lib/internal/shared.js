'use strict';

// What all copies of this version share in a thread: see src/binding/shared_state.rs. Whatever has a prototype would keep the
// copy that has made it, and its context: primitive values only.

const { version } = require('../../package.json');
const native = require('../native');

const shared = native.sharedState(version);

/** The symbol of that description, the same in all copies. */
function sharedSymbol(description) {
  return (shared[`Symbol(${description})`] ??= Symbol(description));
}

module.exports = { shared, sharedSymbol };
