'use strict';

// Node's net as seen from inside: the symbols under which its sockets keep their state, its handles' classes, and what ties a
// handle to its socket. All of it is read off sockets of Node's own, once.

const { Socket } = require('node:net');

const { sharedSymbol } = require('../internal/shared');
const native = require('../native');

// The types that Node's handles are made with.
const SOCKET = 0;
const SERVER = 1;
const ANY_IPV4 = 4;
const UNIX = 0;
// Truthy, and not a string.
const INVALID_PATH = {};

// Node ties a handle to its socket in the constructor, whatever the handle is.
const sample = {};
const sampleSocket = new Socket({ handle: sample, manualStart: true });
const stateSymbols = new Map(symbolsOf(sampleSocket));
const ownerSymbol = new Map(symbolsOf(sample)).get('owner_symbol');
const { onread: onStreamRead } = sample;

const classes = new Map();

function symbolsOf(object) {
  return Object.getOwnPropertySymbols(object).map((symbol) => [symbol.description, symbol]);
}

/** Node's symbol of that description, or one of ours where this Node has none. */
function stateSymbol(description) {
  return stateSymbols.get(description) ?? sharedSymbol(description);
}

/** Whether Node's own sockets have it. */
function isStateSymbol(symbol) {
  return stateSymbols.get(symbol.description) === symbol;
}

/** A handle of Node's without a descriptor. */
function makeHandle(isTcp, isServer) {
  const Handle = classOf(isTcp);
  return new Handle(isServer ? SERVER : SOCKET);
}

function classOf(isTcp) {
  if (!classes.has(isTcp)) {
    const fd = native.openSocket(isTcp ? ANY_IPV4 : UNIX);
    const socket = fd < 0 ? refusedSocket(isTcp) : socketOn(fd);
    classes.set(isTcp, socket._handle.constructor);
    socket.destroy();
  }
  return classes.get(isTcp);
}

function socketOn(fd) {
  native.releaseDescriptor(fd);
  return new Socket({ fd, manualStart: true });
}

// For a process without free descriptors: connect() makes the handle before it validates these. Otherwise avoided, since
// instrumentation of connect() would see a failed attempt.
function refusedSocket(isTcp) {
  const socket = new Socket();
  try {
    socket.connect(isTcp ? { port: -1 } : { path: INVALID_PATH });
  } catch {}
  return socket;
}

/** The handle's events are the socket's from now on. */
function bindHandle(handle, socket) {
  handle[ownerSymbol] = socket;
  handle.onread = onStreamRead;
}

module.exports = { bindHandle, isStateSymbol, makeHandle, ownerSymbol, stateSymbol };
