'use strict';

// Returns what `fn` throws.
function thrownBy(fn) {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error(`nothing was thrown by ${fn}`);
}

module.exports = { thrownBy };
