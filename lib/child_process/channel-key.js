'use strict';

const { sharedSymbol } = require('../internal/shared');

/** Where a `ChildProcess` or `process` has its channel. */
module.exports = { kChannel: sharedSymbol('kChannel') };
