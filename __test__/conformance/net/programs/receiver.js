'use strict';

// A child of Node's child_process that serves whatever it is sent.

let server;

process.on('message', (message, handle) => {
  switch (message) {
    case 'socket':
      handle.setEncoding('utf8');
      handle.write(`served by the child, ${handle.remoteAddress}`);
      handle.on('data', (text) => process.send(`got ${text}`));
      handle.on('error', () => {});
      break;
    case 'server':
      server = handle;
      server.on('connection', (socket) => socket.end('by the child'));
      process.send('listening');
      break;
    case 'address':
      process.send(server.address());
      break;
  }
});
process.on('disconnect', () => process.exit());
process.send('ready');
