'use strict';

// What a socket does with the bytes of its handle: into the stream, or into the program's own memory (option `onread`).

const { ENOBUFS } = require('node:os').constants.errno;
const { isUint8Array } = require('node:util').types;

const { errnoException } = require('../internal/system-errors');
const { onDescriptors, startReceiving } = require('./descriptors');
const { SocketHandle } = require('./handle');
const { kBuffer, kBufferCallback, kBufferGenerator, kDescriptorListener, kHandle } = require('./symbols');

const { set } = Uint8Array.prototype;

// Runs on the native handle's events.
const streamObserver = {
  read(handle, chunk) {
    const socket = handle.owner;
    socket._unrefTimer();
    const goesOn = socket[kBuffer] === null ? socket.push(chunk) : readIntoOwnBuffer(socket, chunk);
    if (!goesOn) {
      // Another one when a listener has asked for Node's.
      const current = socket[kHandle];
      if (!current) return;
      current.reading = false;
      if (!socket.destroyed) current.readStop();
    }
  },

  end(handle, status) {
    // `reading` stays true, as in Node: nobody begins again behind the end.
    const socket = handle.owner;
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

// The option `onread`: bytes go into the program's memory, not through the stream. A read brings what fits into it.
function readIntoOwnBuffer(socket, chunk) {
  const target = socket[kBuffer];
  if (target !== true) {
    if (target.byteLength < chunk.byteLength) {
      socket.destroy(errnoException(-ENOBUFS, 'read'));
      return false;
    }
    set.call(target, chunk);
  }
  // It belongs to the program now.
  if (socket[kBufferGenerator] !== null) socket[kBuffer] = true;
  const goesOn = socket[kBufferCallback](chunk.byteLength, target) !== false;
  nextOwnBuffer(socket);
  // The program has made none.
  if (socket[kBuffer] === true) socket[kBuffer] = target;
  return goesOn;
}

/** Asks the program for the memory of the next read, if it makes one for each. */
function nextOwnBuffer(socket) {
  if (socket[kBufferGenerator] !== null) {
    const made = socket[kBufferGenerator]();
    if (!isUint8Array(made)) return;
    socket[kBuffer] = made;
  }
  const { [kBuffer]: buffer, [kHandle]: handle } = socket;
  if (buffer === null || !handle) return;
  if (handle instanceof SocketHandle) handle.limitReads(Math.max(buffer.byteLength, 1));
  else handle.useUserBuffer(buffer);
}

function tryReadStart(socket) {
  socket[kHandle].reading = true;
  if (socket[kDescriptorListener] !== null) startReceiving(socket[kHandle]);
  const status = socket[kHandle].readStart();
  if (status) socket.destroy(errnoException(status, 'read'));
}

function resumeOwnBuffer(socket) {
  if (socket[kBuffer] && !socket.connecting && socket[kHandle] && !socket[kHandle].reading)
    tryReadStart(socket);
}

module.exports = { nextOwnBuffer, resumeOwnBuffer, streamObserver, tryReadStart };
