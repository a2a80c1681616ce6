'use strict';

const { ERR_INVALID_ARG_TYPE } = require('../internal/errors');
const { convertToValidSignal } = require('../internal/signals');

const { SIGKILL } = require('node:os').constants.signals;

/** The signal number that `dieWithParent` stands for, `undefined` for none. */
function deathSignalOf(value) {
  if (!value) return undefined;
  return value === true ? SIGKILL : convertToValidSignal(value);
}

function validateDeathSignal(value, name) {
  if (value != null && !['boolean', 'string', 'number'].includes(typeof value)) {
    throw new ERR_INVALID_ARG_TYPE(name, ['boolean', 'string', 'number'], value);
  }
  deathSignalOf(value);
}

module.exports = { deathSignalOf, validateDeathSignal };
