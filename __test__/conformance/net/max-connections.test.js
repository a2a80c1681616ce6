'use strict';

const { once } = require('node:events');
const { sameAsNode } = require('./side-by-side');

// No limit on Node 20, on later ones a limit that nobody passes.
for (const maxConnections of [0, null, undefined, -1, '0', '1', false, NaN]) {
  sameAsNode(`maxConnections = ${JSON.stringify(maxConnections)}`, {}, async ({ net, log }) => {
    const server = net.createServer((socket) => socket.end('hello'));
    server.maxConnections = maxConnections;
    server.on('drop', (data) => log('drop', Object.keys(data)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = net.connect(server.address().port, '127.0.0.1');
    let text = '';
    client.on('data', (data) => (text += data)).on('error', (error) => log(error.code));
    await new Promise((resolve) => client.on('close', resolve));
    log('received', text);
    server.close();
    await once(server, 'close');
  });
}
