'use strict';

/** Where a `ChildProcess` or `process` has its channel. */
module.exports = { kChannel: Symbol('kChannel') };
