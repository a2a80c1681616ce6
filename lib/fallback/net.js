'use strict';

const { originalWith } = require('./originals');

// BoundSocket: Node 24.17 and later have one.
module.exports = originalWith(require('node:net'), ['messages', 'BoundSocket'], 'oxipc/net');
