'use strict';

const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const net = require('oxipc/net');

/** Answers every request with its value; resolves with the address. */
async function serve(codec, onMessage) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-bench-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
  const server = net.createServer((socket) => {
    net
      .messages(socket, { codec })
      .on('message', onMessage)
      .handle((value) => value);
  });
  await once(server.listen(path.join(folder, 'bench.sock')), 'listening');
  return server.address();
}

async function connect(_partner, address, codec) {
  const socket = net.connect(address);
  await once(socket, 'connect');
  const messages = net.messages(socket, { codec });
  return {
    async send(value, count) {
      for (let sent = 0; sent < count; sent++) if (!messages.send(value)) await once(messages, 'drain');
    },
    request: (value) => messages.request(value),
    close: () => messages.destroy(),
  };
}

// About as long a run as the others'.
const oneWayCount = 1_000_000;

module.exports = { connect, file: __filename, oneWayCount, serve };
