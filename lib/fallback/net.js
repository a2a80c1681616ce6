'use strict';

const { originalWith } = require('./originals');

// BoundSocket: Node 24.17 and later have one.
const ADDED = ['messages', 'peerCredentials', 'receiveDescriptors', 'sendDescriptors', 'BoundSocket'];

module.exports = originalWith(require('node:net'), ADDED, 'oxipc/net');
