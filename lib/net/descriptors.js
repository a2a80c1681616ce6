'use strict';

// sendDescriptors() and receiveDescriptors(): open descriptors that travel with bytes over a UNIX socket.

const { Socket: NodesSocket } = require('node:net');

const native = require('../native');
const {
  ERR_INVALID_ARG_TYPE,
  ERR_INVALID_ARG_VALUE,
  ERR_INVALID_HANDLE_TYPE,
} = require('../internal/errors');
const { errnoException } = require('../internal/system-errors');
const { validateFunction, validateInt32 } = require('../internal/validators');
const { Pipe } = require('./handle');
const { defineHidden } = require('./hidden-state');
const { isInstance } = require('./instances');
const { kCopies, kDescriptorListener, kHandle, kReceiveDescriptors, kSendDescriptors } = require('./symbols');

// The kernel's, for one message (SCM_MAX_FD).
const MOST = 253;
// A stream socket carries descriptors only on bytes.
const ZERO_BYTE = '\0';

function send(socket, fds, data = ZERO_BYTE, encoding = undefined, callback = undefined) {
  if (typeof data === 'function') return send(socket, fds, ZERO_BYTE, undefined, data);
  if (typeof encoding === 'function') return send(socket, fds, data, undefined, encoding);
  validate(fds);
  const chunk = copyOf(data, encoding);
  refuseOthers(socket[kHandle]);

  const copies = new native.DescriptorCopies(fds);
  if (copies.status < 0) throw errnoException(copies.status, 'dup');
  if (socket[kCopies] === null) defineHidden(socket, kCopies, new Map());
  socket[kCopies].set(chunk, copies);
  return socket.write(chunk, (error) => {
    // Those of a write that never began.
    copies.close();
    socket[kCopies]?.delete(chunk);
    callback?.(error);
  });
}

// Node's handles send none. Without a handle it is not known yet what the socket will be.
function refuseOthers(handle) {
  if (handle && !(handle instanceof Pipe)) throw new ERR_INVALID_HANDLE_TYPE();
}

function validate(fds) {
  if (!Array.isArray(fds)) throw new ERR_INVALID_ARG_TYPE('fds', 'Array', fds);
  if (fds.length === 0 || fds.length > MOST)
    throw new ERR_INVALID_ARG_VALUE('fds', fds, `must hold 1 to ${MOST} descriptors`);
  for (const [index, fd] of fds.entries()) validateInt32(fd, `fds[${index}]`, 0);
}

// A chunk of its own: its identity says which descriptors belong to it.
function copyOf(data, encoding) {
  if (typeof data !== 'string' && !ArrayBuffer.isView(data))
    throw new ERR_INVALID_ARG_TYPE('data', ['string', 'Buffer', 'TypedArray', 'DataView'], data);
  const chunk =
    typeof data === 'string'
      ? Buffer.from(data, encoding)
      : Buffer.from(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  if (chunk.byteLength === 0) throw new ERR_INVALID_ARG_VALUE('data', data, 'must hold at least one byte');
  return chunk;
}

// Buffered chunks of which some carry descriptors: each in a system call of its own.
function writeInTurn(socket, chunks, callback) {
  let index = 0;
  let isLooping = false;
  let goesOn = false;
  // A loop, since most writes are done at once and there may be thousands.
  const next = (error) => {
    if (error || index === chunks.length) {
      callback(error);
      return;
    }
    goesOn = true;
    if (isLooping) return;
    isLooping = true;
    while (goesOn) {
      goesOn = false;
      const { chunk, encoding } = chunks[index++];
      socket._writeGeneric(false, chunk, encoding, next);
    }
    isLooping = false;
  };
  next();
}

// Runs on the native handle's event. What nobody takes is closed.
function onDescriptors(socket, stream) {
  socket[kDescriptorListener]?.call(socket, stream.takeDescriptors());
}

// Only sockets that had a listener once pay for reading descriptors.
function receive(socket, listener) {
  if (listener !== null) {
    validateFunction(listener, 'listener');
    refuseOthers(socket[kHandle]);
  }
  defineHidden(socket, kDescriptorListener, listener);
  if (listener !== null) startReceiving(socket[kHandle]);
}

function startReceiving(handle) {
  if (handle instanceof Pipe) handle.native?.receiveDescriptors?.();
}

function defineDescriptorMethods(prototype) {
  defineHidden(prototype, kSendDescriptors, function sendDescriptors(...args) {
    return send(this, ...args);
  });
  defineHidden(prototype, kReceiveDescriptors, function receiveDescriptors(listener) {
    receive(this, listener);
  });
}

function sendDescriptors(socket, ...args) {
  return call(socket, kSendDescriptors, args);
}

function receiveDescriptors(socket, listener) {
  call(socket, kReceiveDescriptors, [listener]);
  return socket;
}

function call(socket, key, args) {
  if (typeof socket?.[key] === 'function') return socket[key](...args);
  if (isInstance(socket, NodesSocket)) throw new ERR_INVALID_HANDLE_TYPE();
  throw new ERR_INVALID_ARG_TYPE('socket', 'net.Socket', socket);
}

module.exports = {
  defineDescriptorMethods,
  onDescriptors,
  receiveDescriptors,
  sendDescriptors,
  startReceiving,
  writeInTurn,
};
