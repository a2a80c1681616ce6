'use strict';

const net = require('node:net');

// Below the range that the kernel hands out for port 0 and for outgoing connections (32768 and up on Linux): whoever asks
// for "any port" between our look and the server's bind cannot get this one, nor while the server is down for a restart.
const LOWEST = 10_240;
const HIGHEST = 32_000;

const taken = new Set();

function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A port of 127.0.0.1 that nothing listens on, never the same one twice. */
async function freePort() {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (taken.has(port)) continue;
    taken.add(port);
    if (await isFree(port)) return port;
  }
}

module.exports = { freePort };
