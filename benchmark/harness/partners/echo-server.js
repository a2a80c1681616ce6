'use strict';

// Echoes, or discards and answers the end with the CPU time it has used (`sink`), over a UNIX socket or TCP. On Node's own
// net, the same for every contender, unless a module is named.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { mainThreadCpu } = require('../thread-cpu');

const [mode, kind, moduleName = 'node:net'] = process.argv.slice(2);
const net = require(moduleName);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-bench-'));

function sink(socket) {
  const before = mainThreadCpu();
  socket.on('data', () => {}).on('end', () => socket.end(String(mainThreadCpu() - before)));
}

function echo(socket) {
  if (kind === 'TCP') socket.setNoDelay(true);
  socket.on('data', (data) => socket.write(data));
}

const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  if (mode === 'sink') sink(socket);
  else echo(socket);
});
const target = kind === 'TCP' ? { port: 0, host: '127.0.0.1' } : { path: path.join(folder, 'echo.sock') };
server.listen(target, () => {
  const { path: socketPath, host } = target;
  process.send({ address: socketPath ? { path: socketPath } : { host, port: server.address().port } });
});

process.on('disconnect', () => {
  fs.rmSync(folder, { recursive: true, force: true });
  process.exit();
});
