'use strict';

// A thread that starts children and connections without end, until it is terminated.

const { parentPort } = require('node:worker_threads');

const { spawn } = require('../../lib/child_process');
const net = require('../../lib/net');

function child() {
  const started = spawn('true');
  started.on('error', () => {});
  started.on('close', child);
}

const server = net.createServer((socket) => socket.end('x'));
server.listen(0, '127.0.0.1', () => {
  connect();
  for (let count = 0; count < 3; count++) child();
  parentPort.postMessage('up');
});

function connect() {
  const socket = net.connect(server.address().port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  socket.on('close', connect);
}
