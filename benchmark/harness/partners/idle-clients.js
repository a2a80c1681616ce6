'use strict';

// Opens as many connections as it is told to, to a port of this machine, and keeps them.

const net = require('node:net');

const [port] = process.argv.slice(2);
const sockets = [];

process.on('message', (count) => {
  for (let index = 0; index < count; index++) sockets.push(net.connect(Number(port), '127.0.0.1'));
});
process.on('disconnect', () => process.exit());
process.send('ready');
