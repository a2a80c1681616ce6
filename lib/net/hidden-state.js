'use strict';

// Where our sockets keep what Node's have not. A socket has Node's own properties and its prototype Node's names, since
// programs copy, compare and print both: so what is ours lies on a prototype between Socket.prototype and Node's, and on the
// socket itself only once it differs from there, not enumerable.

const nodesNet = require('node:net');

const { isStateSymbol } = require('./node-internals');
const {
  kCopies,
  kDescriptorListener,
  kSetKeepAliveCount,
  kSetKeepAliveInterval,
  kSetTypeOfService,
} = require('./symbols');

const hiddenPrototype = Object.create(nodesNet.Socket.prototype);

for (const [key, value] of [
  // Copies of descriptors by the chunk that they leave with.
  [kCopies, null],
  [kDescriptorListener, null],
  [kSetKeepAliveCount, undefined],
  [kSetKeepAliveInterval, undefined],
  [kSetTypeOfService, undefined],
]) {
  defineHidden(hiddenPrototype, key, value);
}

function defineHidden(object, key, value) {
  Object.defineProperty(object, key, { value, writable: true, configurable: true });
}

/** Sets what Node's sockets may have too, by release. */
function setState(socket, key, value) {
  if (socket[key] === value) return;
  if (isStateSymbol(key)) socket[key] = value;
  else defineHidden(socket, key, value);
}

module.exports = { defineHidden, hiddenPrototype, setState };
