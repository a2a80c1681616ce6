'use strict';

// oxipc/amqplib: amqplib's promise API. Without the addon it is the project's own amqplib.

const { isNative } = require('./native/no-addon');

// In this order: Node's lexer takes the names for ES modules from the last.
if (!isNative) module.exports = require('./fallback/amqplib');
else module.exports = require('./amqplib/exports');
