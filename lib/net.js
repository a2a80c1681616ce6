'use strict';

const nodesNet = require('node:net');

const { normalizeArguments } = require('./net/arguments');
const { BoundSocket } = require('./net/bound-socket');
const { connect } = require('./net/connect');
const {
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  setDefaultAutoSelectFamily,
  setDefaultAutoSelectFamilyAttemptTimeout,
} = require('./net/family-selection');
const { isIP, isIPv4, isIPv6 } = require('./net/ip');
const { createServerHandle } = require('./net/listen');
const { messages } = require('./net/messages');
const { createServer, Server } = require('./net/server');
const { Socket } = require('./net/socket');
const { defineProperties } = require('./net/socket-properties');

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
