'use strict';

// oxipc/amqplib/callback_api. Without the addon it is that of the project's own amqplib.

const { isNative } = require('../native/no-addon');

// In this order: Node's lexer takes the names for ES modules from the last.
if (!isNative) module.exports = require('../fallback/amqplib-callback-api');
else module.exports = require('./callback-exports');
