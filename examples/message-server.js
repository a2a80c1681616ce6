'use strict';

// Greets whoever asks, over messages on a UNIX socket, until SIGTERM or Ctrl-C.
//   node examples/message-server.js [PATH]

const os = require('node:os');
const path = require('node:path');
const net = require('oxipc/net');

const socketPath = process.argv[2] ?? path.join(os.tmpdir(), 'oxipc-messages.sock');

const server = net.createServer((socket) => {
  const messages = net.messages(socket);
  messages.on('message', (message) => console.log('Server received:', message));
  messages.on('error', (error) => console.error(`Connection lost: ${error.message}`));
  messages.handle(({ name }) => {
    if (!name) throw new TypeError('nobody to greet');
    return { greeting: `hello ${name}` };
  });
});

server.listen(socketPath, () => {
  console.log(`Server listening on ${server.address()}`);
});

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.close());
