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
const { createServerHandle } = require('./listen');
const { messages } = require('./messages');
const { createServer, Server } = require('./server');
const { Socket } = require('./socket');
const { defineProperties } = require('./socket-properties');

const { BlockList, SocketAddress } = nodesNet;

defineProperties(Socket);

// Plain names only: an ES module that imports this sees no others.
module.exports = {
  _createServerHandle: createServerHandle,
  _normalizeArgs: normalizeArguments,
  BlockList,
  SocketAddress,
  BoundSocket,
  connect,
  createConnection: connect,
  createServer,
  isIP,
  isIPv4,
  isIPv6,
  messages,
  Server,
  Socket,
  Stream: Socket,
  getDefaultAutoSelectFamily,
  setDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  setDefaultAutoSelectFamilyAttemptTimeout,
};

// Node 20 and 22 have it, deprecated and without effect outside of Windows.
if (nodesNet._setSimultaneousAccepts)
  module.exports._setSimultaneousAccepts = nodesNet._setSimultaneousAccepts;
