// A program for pm2 and nodemon: answers connections on a UNIX socket with whether its modules are ours. When it is ready
// there is a file beside the socket.

const fs = require('node:fs');
const net = require('node:net');

const ours = Object.keys(require.cache).some((name) => name.endsWith('/lib/net.js'));
// One that was killed leaves its socket behind.
fs.rmSync(process.env.TEST_SOCKET, { force: true });
const server = net.createServer((socket) => socket.end(JSON.stringify({ pid: process.pid, ours })));
server.listen(process.env.TEST_SOCKET, () => fs.writeFileSync(`${process.env.TEST_SOCKET}.ready`, ''));
