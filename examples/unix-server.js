'use strict';

// tcp-server.js over a UNIX socket: the same program, a path in the port's place.
//   node examples/unix-server.js [PATH]

const os = require('node:os');
const path = require('node:path');
const net = require('oxipc/net');

const socketPath = process.argv[2] ?? path.join(os.tmpdir(), 'oxipc-example.sock');

const server = net.createServer((socket) => {
  socket.on('data', (data) => {
    console.log(`Server received: ${data}`);
    socket.write(`Echo: ${data}`);
  });
  socket.on('end', () => console.log('Client disconnected'));
  socket.on('error', (error) => console.error(`Connection lost: ${error.message}`));
});

server.listen(socketPath, () => {
  console.log(`Server listening on ${server.address()}`);
});

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.close());
