'use strict';

const { signals } = require('node:os').constants;

const { ERR_INVALID_ARG_TYPE, ERR_UNKNOWN_SIGNAL } = require('./errors');
const { trimStack } = require('./node-error');

const numbers = new Set(Object.values(signals));

// Returns the number of a signal given by number or by name in any case.
function convertToValidSignal(signal) {
  if (typeof signal === 'number' && numbers.has(signal)) return signal;

  const number = typeof signal === 'string' && signals[signal.toUpperCase()];
  if (number) return number;
  throw trimStack(new ERR_UNKNOWN_SIGNAL(signal), convertToValidSignal);
}

// Accepts names only, in capitals.
function validateSignalName(signal, name = 'signal') {
  if (typeof signal !== 'string') {
    throw trimStack(new ERR_INVALID_ARG_TYPE(name, 'string', signal), validateSignalName);
  }
  if (signals[signal] !== undefined) return;

  const hint = signals[signal.toUpperCase()] === undefined ? '' : ' (signals must use all capital letters)';
  throw trimStack(new ERR_UNKNOWN_SIGNAL(`${signal}${hint}`), validateSignalName);
}

module.exports = { convertToValidSignal, validateSignalName };
