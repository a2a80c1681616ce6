'use strict';

const net = require('node:net');

const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1');
const METHOD_FRAME = 1;
const PAUSE_MS = 100;

// Resolves with true when an AMQP server answers the protocol header with a method frame (Connection.Start).
function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' }, () => socket.write(PROTOCOL_HEADER));
    socket.once('data', (chunk) => {
      resolve(chunk[0] === METHOD_FRAME);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

/** Asks the port until it speaks AMQP. `failed()` returns why it never will, or nothing. */
async function speaksAmqp(port, limitMs, failed) {
  const deadline = Date.now() + limitMs;
  while (!(await answers(port))) {
    const reason =
      failed() ??
      (Date.now() > deadline ? `nothing speaks AMQP on port ${port} after ${limitMs / 1000} s` : null);
    if (reason) throw new Error(reason);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

module.exports = { speaksAmqp };
