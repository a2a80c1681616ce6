'use strict';

// Sockets of a server that were handed to another process: the server counts them and waits for them to close, with
// messages of Node's own on the channel.

const EventEmitter = require('node:events');

const { ERR_CHILD_CLOSED_BEFORE_REPLY } = require('../internal/errors');

// On the side that gave the sockets away.
class SocketListSend extends EventEmitter {
  constructor(child, key) {
    super();
    this.key = key;
    this.child = child;
    child.once('exit', () => this.emit('exit', this));
  }

  close(callback) {
    this.#request('NODE_SOCKET_NOTIFY_CLOSE', 'NODE_SOCKET_ALL_CLOSED', true, callback);
  }

  getConnections(callback) {
    this.#request('NODE_SOCKET_GET_COUNT', 'NODE_SOCKET_COUNT', false, (error, reply) => {
      if (error) callback(error);
      else callback(null, reply.count);
    });
  }

  #request(cmd, answer, swallowErrors, callback) {
    const { child, key } = this;
    const onClose = () => {
      child.removeListener('internalMessage', onReply);
      callback(new ERR_CHILD_CLOSED_BEFORE_REPLY());
    };
    const onReply = (message) => {
      if (message.cmd !== answer || message.key !== key) return;
      child.removeListener('disconnect', onClose);
      child.removeListener('internalMessage', onReply);
      callback(null, message);
    };

    if (!child.connected) {
      onClose();
      return;
    }
    child._send({ cmd, key }, undefined, swallowErrors);
    child.once('disconnect', onClose);
    child.on('internalMessage', onReply);
  }
}

// On the side that got them.
class SocketListReceive extends EventEmitter {
  constructor(child, key) {
    super();
    this.connections = 0;
    this.key = key;
    this.child = child;

    const reportEmpty = () => {
      if (child.connected) child._send({ cmd: 'NODE_SOCKET_ALL_CLOSED', key }, undefined, true);
    };
    child.on('internalMessage', (message) => {
      if (message.key !== key) return;
      if (message.cmd === 'NODE_SOCKET_NOTIFY_CLOSE') {
        if (this.connections === 0) reportEmpty();
        else this.once('empty', reportEmpty);
      } else if (message.cmd === 'NODE_SOCKET_GET_COUNT' && child.connected) {
        child._send({ cmd: 'NODE_SOCKET_COUNT', key, count: this.connections });
      }
    });
  }

  add({ socket }) {
    this.connections++;
    socket.once('close', () => {
      this.connections--;
      if (this.connections === 0) this.emit('empty', this);
    });
  }
}

module.exports = { SocketListReceive, SocketListSend };
