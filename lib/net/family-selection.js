'use strict';

// The defaults of autoSelectFamily (Happy Eyeballs, RFC 8305): Node's own, which its command line sets
// (--no-network-family-autoselection and the like), so that they hold for http and for every copy of this module too.

const {
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  setDefaultAutoSelectFamily,
  setDefaultAutoSelectFamilyAttemptTimeout,
} = require('node:net');

// Node's floor: anything shorter could abort attempts that are about to succeed.
const SHORTEST_ATTEMPT_MS = 10;

module.exports = {
  SHORTEST_ATTEMPT_MS,
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  setDefaultAutoSelectFamily,
  setDefaultAutoSelectFamilyAttemptTimeout,
};
