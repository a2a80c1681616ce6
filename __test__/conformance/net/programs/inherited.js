'use strict';

// node inherited.js MODULE SCENARIO [NAME]: what a program does with the descriptor 3 that it was started with. Prints what it
// saw. NAME: of an abstract UNIX socket, without its null byte; address() does not tell.

const { once } = require('node:events');
const fs = require('node:fs');

const [, , modulePath, scenario, abstractName] = process.argv;
const net = require(modulePath);
const { connect } = require('../../../../lib/net');
const log = (...values) => console.log(JSON.stringify(values));
const reported = ({ code, syscall, message }) => [code, syscall, message];

const scenarios = {
  // As systemd's socket activation does.
  async listen() {
    const server = net.createServer().listen({ fd: 3 });
    await once(server, 'listening');
    const address = server.address();
    log(address && [address.address, address.family, address.port > 0]);
    log(server._handle.fd, server.listening);
    const to = address ? { host: address.address, port: address.port } : { path: `\0${abstractName}` };
    // Ours for both: node 20 connects to no abstract name.
    const client = connect(to);
    const [connection] = await once(server, 'connection');
    connection.end('served');
    log(String((await once(client, 'data'))[0]));
    server.close();
    await once(server, 'close');
    log('closed', server.listening);
  },

  // Not a listener: a connection, a file, nothing.
  async refuse() {
    const server = net.createServer();
    server.listen({ fd: 3 });
    log(...reported((await once(server, 'error'))[0]), server.listening);
  },

  async socket() {
    const socket = new net.Socket({ fd: 3 });
    log(socket.readyState, socket.pending, socket.connecting, socket.remoteFamily ?? 'none');
    socket.on('data', (chunk) => log(String(chunk)));
    socket.end('from the child');
    await once(socket, 'close');
    log(socket.bytesRead, socket.bytesWritten);
  },

  async readOnly() {
    const socket = new net.Socket({ fd: 3, readable: true, writable: false });
    log(socket.readable, socket.writable, socket.readyState);
    socket.on('data', (chunk) => log(String(chunk)));
    await once(socket, 'close');
  },

  async writeOnly() {
    const socket = new net.Socket({ fd: 3, readable: false, writable: true });
    log(socket.readable, socket.writable, socket.readyState);
    socket.end('from the child');
    await once(socket, 'close');
  },

  async neither() {
    const socket = new net.Socket({ fd: 3, readable: false, writable: false });
    log(socket.readable, socket.writable);
    await once(socket, 'close');
  },

  async standard() {
    const isOpen = (fd) => fs.existsSync(`/proc/self/fd/${fd}`);
    const server = net.createServer().listen({ fd: 0 });
    await once(server, 'error');
    fs.writeSync(2, `0 ${isOpen(0)}\n`);
    const socket = new net.Socket({ fd: 1, readable: false });
    await once(socket.destroy(), 'close');
    fs.writeSync(2, `1 ${isOpen(1)}\n`);
  },

  async adopt() {
    try {
      new net.Socket({ fd: 3 });
    } catch (error) {
      log(...reported(error), error.name);
    }
  },
};

scenarios[scenario]();
