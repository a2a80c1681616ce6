'use strict';

// `socket._handle`, read by anybody but us: the descriptor moves to a handle of Node's own, and from then on the socket works
// as Node's. TLS, http and Node's child processes build on such a handle in native code. See docs/design/adopted-handles.md.

const { Buffer } = require('node:buffer');
const nodesNet = require('node:net');
const { isUint8Array } = require('node:util').types;

const { errnoException } = require('../internal/system-errors');
const native = require('../native');
const { SocketHandle, TCP } = require('./handle');
const { bindHandle, makeHandle } = require('./node-internals');
const { kAsyncId, kBuffer, kBytesRead, kBytesWritten, kCopies, kHandle } = require('./symbols');

const { _writeGeneric: writeToNodes, _final: endNodes } = nodesNet.Socket.prototype;

// What a handle without descriptor answers for the one that is connecting.
const FORWARDED = ['fd', 'ref', 'unref', 'hasRef', 'getsockname'];

/** What others get: a handle of Node's, or ours where there is nothing that could move. */
function handleForOthers(socket) {
  const handle = socket[kHandle];
  if (!(handle instanceof SocketHandle) || handle.closed) return handle;
  if (handle.successor !== null) return handle.successor;
  if (handle.native === null || socket.connecting) return reserve(socket, handle);
  return canMove(socket, handle) ? move(socket, handle) : handle;
}

// Messages are cut and joined natively, descriptors under way belong to a certain byte, and one that could not be watched is no
// stream.
function canMove(socket, handle) {
  return handle.native instanceof native.StreamHandle && handle.fd >= 0 && !(socket[kCopies]?.size > 0);
}

// Connecting stays ours: whichever attempt succeeds, its descriptor moves to the successor then.
function reserve(socket, handle) {
  const successor = makeSuccessor(socket, handle);
  handle.successor = successor;
  for (const name of FORWARDED) forward(successor, name, () => socket[kHandle]);
  return successor;
}

function forward(successor, name, current) {
  if (name === 'fd') {
    // Without a socket the answer depends on whether the handle is closed.
    const own = () => Reflect.get(Object.getPrototypeOf(successor), name, successor);
    Object.defineProperty(successor, name, { configurable: true, get: () => current()?.fd ?? own() });
  } else if (successor[name]) {
    Object.defineProperty(successor, name, {
      configurable: true,
      value: (...args) => current()?.[name](...args),
    });
  }
}

/** The connection is there: the handle that somebody has read meanwhile gets it. */
function completeReservation(socket) {
  const handle = socket[kHandle];
  if (!(handle instanceof SocketHandle) || handle.successor === null) return;
  for (const name of FORWARDED) delete handle.successor[name];
  move(socket, handle);
}

function makeSuccessor(socket, handle) {
  const successor = handle.runInContext(() => makeHandle(handle instanceof TCP, false));
  attachNodes(socket, successor);
  return successor;
}

/** As Node's constructor does with a handle. */
function attachNodes(socket, handle) {
  bindHandle(handle, socket);
  if (typeof handle.getAsyncId === 'function') socket[kAsyncId] = handle.getAsyncId();
}

// Returns the socket's handle from then on.
function move(socket, handle) {
  const { madeWriter: writer } = handle;
  writer?.flush();
  // The kernel has refused it.
  if (socket[kHandle] !== handle) return socket[kHandle];
  const successor = handle.successor ?? makeSuccessor(socket, handle);
  const { reading, referenced, onShutdown } = handle;
  const unwritten = writer?.giveUp() ?? [];
  const fd = handle.detach();
  const status = successor.open(fd);
  socket[kHandle] = successor;
  if (status < 0) {
    native.closeDescriptor(fd);
    socket.destroy(errnoException(status, 'open'));
    return socket[kHandle];
  }
  socket[kBytesRead] = handle.bytesRead;
  socket[kBytesWritten] = handle.bytesWritten - lengthOf(unwritten);
  if (!referenced) successor.unref();
  // The option `onread`: Node's reads into the program's memory. During `callback` it is asked for the next one afterwards.
  if (isUint8Array(socket[kBuffer])) successor.useUserBuffer(socket[kBuffer]);
  for (const { data, done } of unwritten) writeAgain(socket, data, done);
  if (onShutdown !== null) begin((done) => endNodes.call(socket, done), onShutdown);
  if (reading) readOn(socket, successor);
  return successor;
}

// A stream that has ended keeps `reading`, as in Node: nobody begins again behind the end.
function readOn(socket, successor) {
  successor.reading = true;
  if (socket._readableState.ended) return;
  const status = successor.readStart();
  if (status < 0) socket.destroy(errnoException(status, 'read'));
}

function writeAgain(socket, data, done) {
  const bytes = Array.isArray(data) ? Buffer.concat(data) : data;
  begin(
    (onWritten) => writeToNodes.call(socket, false, bytes, 'buffer', onWritten),
    (error) => done(error ? error.errno : 0, true),
  );
}

// Calls `start(done)`. What is done at once is called back in the next tick: somebody only reads `_handle`.
function begin(start, callback) {
  let hasBegun = false;
  start((...args) => {
    if (hasBegun) callback(...args);
    else process.nextTick(callback, ...args);
  });
  hasBegun = true;
}

function lengthOf(unwritten) {
  let bytes = 0;
  for (const { data } of unwritten) for (const piece of [data].flat()) bytes += piece.byteLength;
  return bytes;
}

module.exports = { attachNodes, completeReservation, handleForOthers };
