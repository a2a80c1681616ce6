'use strict';

// Echoes what each client sends, until SIGTERM or Ctrl-C.
//   node examples/tcp-server.js [PORT]      (0: any free port)

const net = require('oxipc/net');

const port = Number(process.argv[2] ?? 3000);

const server = net.createServer((socket) => {
  socket.on('data', (data) => {
    console.log(`Server received: ${data}`);
    socket.write(`Echo: ${data}`);
  });
  socket.on('end', () => console.log('Client disconnected'));
  socket.on('error', (error) => console.error(`Connection lost: ${error.message}`));
});

server.listen(port, '127.0.0.1', () => {
  console.log(`Server listening on port ${server.address().port}`);
});

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => server.close());
