'use strict';

// A server in a worker of Node's cluster: the primary process listens, by cluster's own protocol, and hands over the
// connections in turn (SCHED_RR) or the listener itself (SCHED_NONE).

const { errno: ERRNO } = require('node:os').constants;

const native = require('../native');
const { guessFdType } = require('./descriptor-type');
const { Pipe, SocketHandle, TCP } = require('./handle');
const { ownerSymbol } = require('./node-internals');

let cluster;

function isClusterWorker() {
  cluster ??= require('node:cluster');
  // What Node's own net calls there.
  return cluster.isWorker && typeof cluster._getServer === 'function';
}

// Calls `done(status, handle)` with a handle of ours; a status other than 0 is an errno.
function askPrimary(server, query, done) {
  cluster._getServer(server, query, (status, shared) => {
    if (!shared) {
      done(status);
      return;
    }
    // Cluster asks this one to close when the worker is to disconnect, and for its limit of connections.
    shared[ownerSymbol] = server;
    done(status || misbound(query.port, shared), wrap(shared));
  });
}

// The primary binds before it listens: an address in use may show only in the port that it got.
function misbound(port, shared) {
  if (!(port > 0) || !shared.getsockname) return 0;
  const bound = {};
  const status = shared.getsockname(bound);
  return status || (bound.port === port ? 0 : -ERRNO.EADDRINUSE);
}

function wrap(shared) {
  return shared.fd >= 0 ? wrapListener(shared) : new DistributedListener(shared);
}

// SCHED_NONE: a descriptor of the same listener in every process.
function wrapListener(shared) {
  const handle = handleFor(shared.fd);
  handle.shared = shared;
  handle.hold(native.duplicateDescriptor(shared.fd));
  const close = handle.close;
  handle.close = function (callback) {
    if (!this.closed) shared.close();
    close.call(this, callback);
  };
  return handle;
}

function handleFor(fd) {
  return guessFdType(fd) === 'TCP' ? new TCP() : new Pipe();
}

// SCHED_RR: stands for a listener that only the primary has.
class DistributedListener extends SocketHandle {
  static streamType = TCP.streamType;
  static spareStreams = TCP.spareStreams;

  constructor(shared) {
    super();
    this.shared = shared;
    shared.onconnection = (_status, connection) => this.#receive(connection);
    if (shared.getsockname) this.getsockname = (out) => shared.getsockname(out);
  }

  listen(backlog) {
    return this.shared.listen(backlog);
  }

  // A connection comes as a handle of Node's. Ours is on a descriptor of its own.
  #receive(connection) {
    const accepted = handleFor(connection.fd);
    const fd = native.duplicateDescriptor(connection.fd);
    connection.close();
    if (fd >= 0 && accepted.open(fd) === 0 && !this.closed) this.observer?.connection(this.owner, accepted);
    else accepted.close();
  }

  ref() {
    super.ref();
    this.shared.ref();
  }

  unref() {
    super.unref();
    this.shared.unref();
  }

  close(callback) {
    if (!this.closed) this.shared.close();
    super.close(callback);
  }
}

module.exports = { askPrimary, isClusterWorker };
