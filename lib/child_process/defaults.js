'use strict';

// Process-wide choice: whether children die with us.

const { validateDeathSignal } = require('./death-signal');

let dieWithParent = fromEnvironment(process.env.OXIPC_DIE_WITH_PARENT);

function fromEnvironment(text) {
  if (text === undefined || text === '' || text === '0' || text === 'false') return false;
  return text === '1' || text === 'true' ? true : text;
}

/** The default of the option `dieWithParent`, from now on. */
function setDieWithParent(value) {
  validateDeathSignal(value, 'value');
  dieWithParent = value;
}

const getDieWithParent = () => dieWithParent;

module.exports = { getDieWithParent, setDieWithParent };
