'use strict';

// Says something to unix-server.js and prints the answer.
//   node examples/unix-client.js [PATH]

const os = require('node:os');
const path = require('node:path');
const net = require('oxipc/net');

const socketPath = process.argv[2] ?? path.join(os.tmpdir(), 'oxipc-example.sock');

const client = net.createConnection({ path: socketPath }, () => {
  client.write('Hello from the UNIX client');
});

client.on('data', (data) => {
  console.log(`Client received: ${data}`);
  client.end();
});

client.on('end', () => console.log('Disconnected from the server'));

client.on('error', (error) => {
  console.error(`Client failed: ${error.message}`);
  process.exitCode = 1;
});
