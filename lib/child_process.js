'use strict';

// oxipc/child_process. Without the addon it is Node's own.

const { isNative } = require('./native/no-addon');

// In this order: Node's lexer takes the names for ES modules from the last.
if (!isNative) module.exports = require('./fallback/child-process');
else module.exports = require('./child_process/exports');
