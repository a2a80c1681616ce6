'use strict';

// What a socket does with the bytes of its handle: into the stream, or into the program's own memory (option `onread`).

const { errnoException } = require('../internal/system-errors');
const { onDescriptors, startReceiving } = require('./descriptors');
const { kBuffer, kBufferCallback, kBufferGenerator, kReceivesDescriptors } = require('./symbols');

// Runs on the native handle's events.
const streamObserver = {
  read(handle, chunk) {
    const socket = handle.owner;
    socket._unrefTimer();
    if (socket[kBuffer] !== null) {
      readIntoOwnBuffer(socket, handle, chunk);
    } else if (!socket.push(chunk)) {
      handle.reading = false;
      if (!socket.destroyed) handle.readStop();
    }
  },

  end(handle, status) {
    const socket = handle.owner;
    handle.reading = false;
    if (status < 0) {
      socket.destroy(errnoException(status, 'read'));
      return;
    }
    socket._unrefTimer();
    // 'end' may have been emitted by an earlier push(null).
    if (socket._readableState.endEmitted) return;
    socket.push(null);
    socket.read(0);
  },

  failed(handle, status) {
    handle.owner.destroy(errnoException(status, 'write'));
  },

  descriptors(handle) {
    onDescriptors(handle.owner, handle.native);
  },
};

// The option `onread`: bytes go into the program's memory, not through the stream.
function readIntoOwnBuffer(socket, handle, chunk) {
  let rest = chunk;
  while (rest.byteLength > 0 && socket[kBuffer] !== null) {
    const target = socket[kBuffer] === true ? socket[kBufferGenerator]() : socket[kBuffer];
    if (socket[kBuffer] === true && !ArrayBuffer.isView(target)) return;
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    const length = Math.min(bytes.byteLength, rest.byteLength);
    bytes.set(rest.subarray(0, length));
    rest = rest.subarray(length);
    if (socket[kBufferCallback](length, target) === false && handle.reading) {
      handle.reading = false;
      if (!socket.destroyed) handle.readStop();
    }
  }
}

function tryReadStart(socket) {
  socket._handle.reading = true;
  if (socket[kReceivesDescriptors]) startReceiving(socket._handle);
  const status = socket._handle.readStart();
  if (status) socket.destroy(errnoException(status, 'read'));
}

function resumeOwnBuffer(socket) {
  if (socket[kBuffer] && !socket.connecting && socket._handle && !socket._handle.reading)
    tryReadStart(socket);
}

module.exports = { resumeOwnBuffer, streamObserver, tryReadStart };
