'use strict';

// oxipc/net. Without the addon it is Node's own.

const { isNative } = require('./native/no-addon');

// In this order: Node's lexer takes the names for ES modules from the last.
if (!isNative) module.exports = require('./fallback/net');
else module.exports = require('./net/exports');
