'use strict';

// Process-wide choice: whether children die with us. One for all copies of this module in a thread.

const { shared } = require('../internal/shared');
const { validateDeathSignal } = require('./death-signal');

shared.dieWithParent ??= fromEnvironment(process.env.OXIPC_DIE_WITH_PARENT);

function fromEnvironment(text) {
  if (text === undefined || text === '' || text === '0' || text === 'false') return false;
  return text === '1' || text === 'true' ? true : text;
}

/** The default of the option `dieWithParent`, from now on. */
function setDieWithParent(value) {
  validateDeathSignal(value, 'value');
  // Null and undefined stand for false.
  shared.dieWithParent = value ?? false;
}

const getDieWithParent = () => shared.dieWithParent;

module.exports = { getDieWithParent, setDieWithParent };
