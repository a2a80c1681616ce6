'use strict';

// A port that refuses connections, on every address of this machine. One that was given back would be the next one that
// somebody else gets; this one is bound all the time, and nobody listens on it.

const net = require('node:net');

/** Until `close()`. */
function refusingPort() {
  // Node's net has no public way to bind without listening before its 26th release.
  const handle = net._createServerHandle(null, 0, 4);
  const address = {};
  handle.getsockname(address);
  return { port: address.port, close: () => handle.close() };
}

module.exports = { refusingPort };
