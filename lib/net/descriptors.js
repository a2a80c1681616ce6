'use strict';

// socket.sendDescriptors() and the event 'descriptors': open descriptors that travel with bytes over a UNIX socket. Not
// in Node.

const { Duplex } = require('node:stream');

const native = require('../native');
const {
  ERR_INVALID_ARG_TYPE,
  ERR_INVALID_ARG_VALUE,
  ERR_INVALID_HANDLE_TYPE,
} = require('../internal/errors');
const { errnoException } = require('../internal/system-errors');
const { validateInt32 } = require('../internal/validators');
const { Pipe, SocketHandle, TCP } = require('./handle');
const { kCopies, kHandle, kReceivesDescriptors } = require('./symbols');

// The kernel's, for one message (SCM_MAX_FD).
const MOST = 253;
// A stream socket carries descriptors only on bytes.
const ZERO_BYTE = '\0';

function sendDescriptors(fds, data = ZERO_BYTE, encoding = undefined, callback = undefined) {
  if (typeof data === 'function') return this.sendDescriptors(fds, ZERO_BYTE, undefined, data);
  if (typeof encoding === 'function') return this.sendDescriptors(fds, data, undefined, encoding);
  validate(fds);
  const chunk = copyOf(data, encoding);
  const handle = this[kHandle];
  // Node's handles send none.
  if (handle instanceof TCP || (handle && !(handle instanceof SocketHandle)))
    throw new ERR_INVALID_HANDLE_TYPE();

  const copies = new native.DescriptorCopies(fds);
  if (copies.status < 0) throw errnoException(copies.status, 'dup');
  this[kCopies] ??= new Map();
  this[kCopies].set(chunk, copies);
  return this.write(chunk, (error) => {
    // Those of a write that never began.
    copies.close();
    this[kCopies]?.delete(chunk);
    callback?.(error);
  });
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

// Runs on the native handle's event. What it does not take is closed.
function onDescriptors(socket, stream) {
  if (socket.listenerCount('descriptors') > 0) socket.emit('descriptors', stream.takeDescriptors());
}

// Only sockets that had a listener once pay for reading descriptors.
function receiveWhenListenedTo(Socket) {
  for (const name of ['on', 'prependListener']) {
    const original = Duplex.prototype[name];
    Socket.prototype[name] = function (event, listener) {
      if (event === 'descriptors') {
        this[kReceivesDescriptors] = true;
        startReceiving(this[kHandle]);
      }
      return original.call(this, event, listener);
    };
  }
  Socket.prototype.addListener = Socket.prototype.on;
}

function startReceiving(handle) {
  if (handle instanceof Pipe) handle.native?.receiveDescriptors?.();
}

module.exports = { onDescriptors, receiveWhenListenedTo, sendDescriptors, startReceiving, writeInTurn };
