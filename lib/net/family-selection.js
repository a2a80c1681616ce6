'use strict';

// The defaults of autoSelectFamily (Happy Eyeballs, RFC 8305), per process as in Node.

const builtin = require('node:net');

const { validateBoolean, validateInt32 } = require('../internal/validators');

// Node's floor: anything shorter could abort attempts that are about to succeed.
const SHORTEST_ATTEMPT_MS = 10;

// Node reads its command line (--no-network-family-autoselection and the like) into these.
let autoSelectFamily = builtin.getDefaultAutoSelectFamily();
let attemptTimeout = builtin.getDefaultAutoSelectFamilyAttemptTimeout();

function getDefaultAutoSelectFamily() {
  return autoSelectFamily;
}

function setDefaultAutoSelectFamily(value) {
  validateBoolean(value, 'value');
  autoSelectFamily = value;
}

function getDefaultAutoSelectFamilyAttemptTimeout() {
  return attemptTimeout;
}

function setDefaultAutoSelectFamilyAttemptTimeout(value) {
  validateInt32(value, 'value', 1);
  attemptTimeout = Math.max(value, SHORTEST_ATTEMPT_MS);
}

module.exports = {
  SHORTEST_ATTEMPT_MS,
  getDefaultAutoSelectFamily,
  setDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  setDefaultAutoSelectFamilyAttemptTimeout,
};
