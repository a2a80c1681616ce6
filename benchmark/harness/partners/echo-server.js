'use strict';

// Echoes (or, with `sink`, discards) over a UNIX socket, on Node's own net: the same for every contender.

const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const [mode] = process.argv.slice(2);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-bench-'));
const socketPath = path.join(folder, 'echo.sock');

const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  if (mode === 'sink') socket.on('data', () => {}).on('end', () => socket.end('done'));
  else socket.on('data', (data) => socket.write(data));
  socket.on('error', () => {});
});
server.listen(socketPath, () => process.send({ socketPath }));

process.on('disconnect', () => {
  fs.rmSync(folder, { recursive: true, force: true });
  process.exit();
});
