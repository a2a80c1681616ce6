'use strict';

// Says something to tcp-server.js and prints the answer.
//   node examples/tcp-client.js [PORT]

const net = require('oxipc/net');

const port = Number(process.argv[2] ?? 3000);

const client = net.createConnection({ port, host: '127.0.0.1' }, () => {
  client.write('Hello from the TCP client');
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
