'use strict';

// Fields of sockets that no program should meet by name. Those that Node's sockets have too are Node's: its own methods work
// on ours once the handle is Node's (adoption.js). Those that are ours are so for all copies, which meet each other's sockets.

const { sharedSymbol } = require('../internal/shared');
const { stateSymbol } = require('./node-internals');

module.exports = {
  // Ours or Node's, see adoption.js.
  kHandle: stateSymbol('kHandle'),
  kAsyncId: stateSymbol('async_id_symbol'),
  kTimeout: stateSymbol('timeout'),
  kLastWriteQueueSize: stateSymbol('lastWriteQueueSize'),
  kBuffer: stateSymbol('kBuffer'),
  kBufferCallback: stateSymbol('kBufferCb'),
  kBufferGenerator: stateSymbol('kBufferGen'),
  kSetNoDelay: stateSymbol('kSetNoDelay'),
  kSetKeepAlive: stateSymbol('kSetKeepAlive'),
  kSetKeepAliveInitialDelay: stateSymbol('kSetKeepAliveInitialDelay'),
  kSetKeepAliveInterval: stateSymbol('kSetKeepAliveInterval'),
  kSetKeepAliveCount: stateSymbol('kSetKeepAliveCount'),
  kSetTypeOfService: stateSymbol('kSetTOS'),
  // What former handles of the connection have counted; all of it once the socket is destroyed.
  kBytesRead: stateSymbol('kBytesRead'),
  kBytesWritten: stateSymbol('kBytesWritten'),
  kConsume: sharedSymbol('kBoundSocketConsume'),
  kPathOptions: sharedSymbol('kPathOptions'),
  kCopies: sharedSymbol('kCopies'),
  kDescriptorListener: sharedSymbol('kDescriptorListener'),
  kAttachHandle: sharedSymbol('kAttachHandle'),
  // Registered: functions of this module find their way into sockets of another copy of it.
  kSendDescriptors: Symbol.for('oxipc.net.sendDescriptors'),
  kReceiveDescriptors: Symbol.for('oxipc.net.receiveDescriptors'),
};
