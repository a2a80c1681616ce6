'use strict';

// A server on the module that is measured, on a UNIX socket and on TCP: `echo` answers, `sink` ends with its peer.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { mainThreadCpu } = require('../thread-cpu');

const [moduleName, mode] = process.argv.slice(2);
const net = require(moduleName);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-bench-'));
const socketPath = path.join(folder, 'server.sock');

function serve(target, onListening) {
  const server = net.createServer((socket) => {
    if (mode === 'echo') socket.on('data', (data) => socket.write(data));
    else socket.resume();
    socket.on('error', () => {});
  });
  server.listen(target, () => onListening(server));
}

serve(socketPath, () => {
  serve({ port: 0, host: '127.0.0.1' }, (server) =>
    process.send({ socketPath, port: server.address().port }),
  );
});

process.on('message', () => process.send({ cpu: mainThreadCpu() }));
process.on('disconnect', () => {
  fs.rmSync(folder, { recursive: true, force: true });
  process.exit();
});
