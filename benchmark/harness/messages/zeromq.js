'use strict';

// PUSH to PULL over a UNIX socket, in the way its documentation shows.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { load } = require('../load');

const { Pull, Push } = load('zeromq');

async function serve(_codec, onMessage) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-bench-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
  const address = `ipc://${path.join(folder, 'bench.sock')}`;
  const socket = new Pull();
  await socket.bind(address);
  (async () => {
    for await (const [message] of socket) onMessage(message);
  })();
  return address;
}

async function connect(_partner, address) {
  const socket = new Push();
  socket.connect(address);
  return {
    async send(value, count) {
      for (let sent = 0; sent < count; sent++) await socket.send(value);
    },
    close: () => socket.close(),
  };
}

// About as long a run as the others'.
const oneWayCount = 100_000;

module.exports = { connect, file: __filename, oneWayCount, serve };
