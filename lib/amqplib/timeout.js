'use strict';

const { ERR_OUT_OF_RANGE } = require('../internal/errors');
const { validateNumber } = require('../internal/validators');

// A timer's longest.
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** Milliseconds, as socket.setTimeout reads them. */
function readTimeout(msecs) {
  validateNumber(msecs, 'msecs');
  if (msecs < 0 || !Number.isFinite(msecs)) {
    throw new ERR_OUT_OF_RANGE('msecs', 'a non-negative finite number', msecs);
  }
  return Math.min(Math.ceil(msecs), LONGEST_TIMEOUT);
}

module.exports = { readTimeout };
