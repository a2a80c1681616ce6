'use strict';

const nodesNet = require('node:net');

const { normalizeArguments } = require('./arguments');
const { BoundSocket } = require('./bound-socket');
const { connect } = require('./connect');
const {
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  setDefaultAutoSelectFamily,
  setDefaultAutoSelectFamilyAttemptTimeout,
} = require('./family-selection');
const { isIP, isIPv4, isIPv6 } = require('./ip');
const { receiveDescriptors, sendDescriptors } = require('./descriptors');
const { createServerHandle } = require('./listen');
const { messages } = require('./messages');
const { peerCredentials } = require('./peer-credentials');
const { createServer, Server } = require('./server');
const { Socket } = require('./socket');

const { BlockList, SocketAddress } = nodesNet;

// Plain names only: an ES module that imports this sees no others.
module.exports = {
  _createServerHandle: createServerHandle,
  _normalizeArgs: normalizeArguments,
  BlockList,
  SocketAddress,
  connect,
  createConnection: connect,
  createServer,
  isIP,
  isIPv4,
  isIPv6,
  Server,
  Socket,
  Stream: Socket,
  getDefaultAutoSelectFamily,
  setDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  setDefaultAutoSelectFamilyAttemptTimeout,
};

// Beyond Node's: hidden from those who copy or wrap what they find here, in the form that ES modules see.
Object.defineProperty(module.exports, 'messages', { value: messages, writable: true, configurable: true });
Object.defineProperty(module.exports, 'peerCredentials', {
  value: peerCredentials,
  writable: true,
  configurable: true,
});
Object.defineProperty(module.exports, 'receiveDescriptors', {
  value: receiveDescriptors,
  writable: true,
  configurable: true,
});
Object.defineProperty(module.exports, 'sendDescriptors', {
  value: sendDescriptors,
  writable: true,
  configurable: true,
});
// Of Node 24.17 and later.
Object.defineProperty(module.exports, 'BoundSocket', {
  value: BoundSocket,
  writable: true,
  enumerable: 'BoundSocket' in nodesNet,
  configurable: true,
});

// Node 20 and 22 have it, deprecated and without effect outside of Windows.
if (nodesNet._setSimultaneousAccepts)
  module.exports._setSimultaneousAccepts = nodesNet._setSimultaneousAccepts;
