'use strict';

// Sockets and servers on the channel: what Node calls them there, how to get the descriptor out of one and how to make
// one of a descriptor. Both Node's own and ours are taken.

const dgram = require('node:dgram');
const { createRequire } = require('node:module');
const nodeNet = require('node:net');

const { ERR_INVALID_HANDLE_TYPE } = require('../internal/errors');
const native = require('../native');
const net = require('../net');
const { TCP } = require('../net/handle');
const { kHandle } = require('../net/symbols');
const { kChannel } = require('./channel-key');
const { SocketListReceive, SocketListSend } = require('./socket-list');

// Each: `send(target, envelope, object, options)` gives a handle with `fd` and `close`, or nothing to send the message
// alone; `got(target, envelope, fd, emit)` passes on what was received; `closes`: ours ends when the other side has it.
const conversions = {
  'net.Native': {
    send: (target, envelope, handle) => handle,
    got(target, envelope, fd, emit) {
      native.releaseDescriptor(fd);
      const socket = new nodeNet.Socket({ fd, manualStart: true });
      const handle = socket._handle;
      socket._handle = null;
      emit(handle);
    },
  },

  'net.Server': {
    send: (target, envelope, server) => server[kHandle] ?? server._handle,
    got(target, envelope, fd, emit) {
      const server = new net.Server();
      server.listen({ fd }, () => emit(server));
    },
  },

  'net.Socket': {
    closes: true,
    send: detachSocket,
    got(target, envelope, fd, emit) {
      const socket = new net.Socket({ fd, readable: true, writable: true });
      if (envelope.key) socketList('got', target, envelope.key).add({ socket });
      emit(socket);
    },
  },

  // Adopted by the channel: the sender's object is used up.
  'net.BoundSocket': {
    closes: true,
    send: (target, envelope, socket) => socket[symbolOf(socket, 'kBoundSocketConsume')](),
    got(target, envelope, fd, emit) {
      const handle = new TCP();
      handle.hold(fd);
      emit(new net.BoundSocket(handle));
    },
  },

  'dgram.Native': {
    send: (target, envelope, handle) => handle,
    got(target, envelope, fd, emit) {
      const socket = dgram.createSocket('udp4');
      native.releaseDescriptor(fd);
      socket.bind({ fd }, () => {
        const handle = dgramHandle(socket);
        // It is the receiver's alone, and has not been read from.
        handle.recvStop();
        socket[symbolOf(socket, 'state symbol')].handle = null;
        emit(handle);
      });
    },
  },

  'dgram.Socket': {
    send(target, envelope, socket) {
      envelope.dgramType = socket.type;
      return dgramHandle(socket);
    },
    got(target, envelope, fd, emit) {
      const socket = dgram.createSocket(envelope.dgramType);
      native.releaseDescriptor(fd);
      socket.bind({ fd }, () => emit(socket));
    },
  },
};

// Node 24 has net.BoundSocket too, but not on the channel.
const SENDS_BOUND_SOCKETS = Number.parseInt(process.versions.node, 10) >= 26;

/** What an object is called on the channel. */
function typeOf(handle) {
  if (handle instanceof net.Socket || handle instanceof nodeNet.Socket) return 'net.Socket';
  if (handle instanceof net.Server || handle instanceof nodeNet.Server) return 'net.Server';
  if (handle instanceof dgram.Socket) return 'dgram.Socket';
  // Another Node would not know what it gets. Those with a path are bound to a name in the file system.
  if (SENDS_BOUND_SOCKETS && isBoundSocket(handle) && !handle.isPipe) return 'net.BoundSocket';
  // Node's handles: their classes are private.
  const name = typeof handle.fd === 'number' ? handle.constructor?.name : undefined;
  if (name === 'TCP' || name === 'Pipe') return 'net.Native';
  if (name === 'UDP') return 'dgram.Native';
  throw new ERR_INVALID_HANDLE_TYPE();
}

function isBoundSocket(handle) {
  return handle instanceof net.BoundSocket || handle instanceof nodeNet.BoundSocket;
}

function detachSocket(target, envelope, socket, { keepOpen }) {
  const handle = socket[kHandle];
  if (!handle) return undefined;

  const { server } = socket;
  if (server) {
    // Both sides keep track of a server's sockets.
    envelope.key = server._connectionKey;
    const isFirst = !target[kChannel].sockets.send[envelope.key];
    const list = socketList('send', target, envelope.key);
    if (isFirst) server._setupWorker?.(list);
    if (!keepOpen) server._connections--;
  }

  if (!keepOpen) {
    handle.onread = () => {};
    handle.readStop?.();
    socket[kHandle] = null;
    socket.setTimeout(0);
    releaseParser(socket);
  }
  return handle;
}

// A connection of node:http: its parser goes back to Node's pool.
function releaseParser(socket) {
  if (!socket.parser) return;
  // Not by `require`: bundlers do not know this name for one of Node's.
  const builtin = process.getBuiltinModule ?? createRequire(__filename);
  const { freeParser, HTTPParser } = builtin('_http_common');
  if (!(socket.parser instanceof HTTPParser)) return;
  freeParser(socket.parser, null, socket);
  socket._httpMessage?.detachSocket(socket);
}

function socketList(direction, target, key) {
  const lists = target[kChannel].sockets[direction];
  lists[key] ??= direction === 'send' ? new SocketListSend(target, key) : new SocketListReceive(target, key);
  return lists[key];
}

const dgramHandle = (socket) => socket[symbolOf(socket, 'state symbol')]?.handle;

// Node hides things behind symbols, its own objects' and their classes'.
function symbolOf(object, description) {
  const symbols = [object, Object.getPrototypeOf(object)].flatMap(Object.getOwnPropertySymbols);
  return symbols.find((symbol) => symbol.description === description);
}

const closeDescriptor = native.closeDescriptor;

module.exports = { closeDescriptor, conversions, typeOf };
