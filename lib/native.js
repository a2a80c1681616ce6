'use strict';

// The addon, for the modules that are built on it. The entry modules ask lib/native/load.js first.

module.exports = require('./native/no-addon').requireAddon('this module');
