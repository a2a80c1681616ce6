'use strict';

// Echoes over TLS on Node's own net: as the server, or (`client`) to the port that the parent sends.

const net = require('node:net');
const { createSecureServer, secure } = require('../tls-echo');

const [end] = process.argv.slice(2);

function echo(socket) {
  socket.on('error', () => {});
  socket.pipe(socket);
}

if (end === 'client') {
  process.on('message', (port) => echo(secure(net.connect(port, '127.0.0.1'))));
  process.send({});
} else {
  const server = createSecureServer(net, echo);
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
}

process.on('disconnect', () => process.exit());
