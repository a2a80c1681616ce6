'use strict';

// Both ends of an encrypted echo over sockets of any net. A shared key in place of certificates, which would take a program to
// make them; the bytes are encrypted by the same cipher.

const tls = require('node:tls');

const psk = Buffer.alloc(16, 'k');
const settings = { ciphers: 'PSK-AES128-GCM-SHA256', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' };

/** A server of `net` that calls `onSecure` with each secure connection. */
function createSecureServer(net, onSecure) {
  const terminator = tls.createServer({ ...settings, pskCallback: () => psk }, onSecure);
  return net.createServer((socket) => terminator.emit('connection', socket));
}

function secure(socket) {
  const pskCallback = () => ({ psk, identity: 'benchmark' });
  return tls.connect({ ...settings, socket, pskCallback, checkServerIdentity: () => undefined });
}

module.exports = { createSecureServer, secure };
