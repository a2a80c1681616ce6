'use strict';

// What the forked children of the tests do, by the name in their first argument. They run on plain Node.

const programs = {
  // A parent that does not wait for its answers may be gone already: no failure of ours.
  echo: () => process.on('message', (message) => process.send(message, () => {})),

  listen: () => process.on('message', (message, socket) => socket?.destroy()),

  report() {
    process.send({
      argv: process.argv.slice(3),
      execArgv: process.execArgv,
      connected: process.connected,
      fd: process.env.NODE_CHANNEL_FD,
      mode: process.env.NODE_CHANNEL_SERIALIZATION_MODE,
      cwd: process.cwd(),
    });
    process.disconnect();
  },

  // Says on its output when all is sent; ends with its channel.
  'send-and-tell'() {
    process.send('first');
    process.send('second', () => console.log('sent'));
    process.on('message', () => {});
  },

  flood() {
    const send = (index, sent) => process.send({ index, text: 'ü'.repeat(index % 50) }, sent);
    for (let index = 0; index < 1999; index++) send(index);
    send(1999, () => process.disconnect());
  },

  exit: () => process.exit(3),
  print: () => console.log('printed', process.connected),

  sleep: () => setInterval(() => {}, 1000),

  disconnect: () => process.once('message', () => process.disconnect()),

  // Answers with what the socket says, and through the socket.
  socket() {
    process.on('message', (message, socket) => {
      if (!socket) return;
      socket.end(`child got ${message}`);
      process.send('done');
    });
  },

  server() {
    process.on('message', (message, server) => {
      server?.on('connection', (socket) => socket.end('from the child'));
      process.send('listening');
    });
  },

  dgram() {
    process.on('message', (message, socket) => {
      socket?.on('message', (bytes, { port }) => socket.send(`child got ${bytes}`, port, '127.0.0.1'));
      process.send('bound');
    });
  },

  'give-socket'() {
    const net = require('node:net');
    const server = net.createServer((socket) => {
      process.send('a socket', socket);
      server.close();
    });
    server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
    process.on('message', () => process.disconnect());
  },

  'give-server'() {
    const net = require('node:net');
    const server = net.createServer();
    server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }, server));
    process.on('message', () => {
      server.close();
      process.disconnect();
    });
  },

  // A handle without its socket, as only internals of Node have it: says what came, and from where it answers.
  'native-dgram'() {
    process.on('message', (message, handle) => {
      const address = {};
      handle?.getsockname(address);
      process.send({ class: handle?.constructor.name, port: address.port }, () => handle?.close());
    });
  },

  'give-native-dgram'() {
    const socket = require('node:dgram').createSocket('udp4');
    socket.bind(0, '127.0.0.1', () => {
      const state = Object.getOwnPropertySymbols(socket).find((key) => key.description === 'state symbol');
      process.send({ port: socket.address().port }, socket[state].handle);
    });
    process.on('message', () => process.exit());
  },

  // Listens on the address that it got.
  bound() {
    process.on('message', (message, bound) => {
      const address = bound.address();
      const server = require('node:net').createServer((socket) => socket.end('from the child'));
      server.listen(bound, () => process.send(address));
    });
  },

  'give-bound'() {
    const bound = new (require('node:net').BoundSocket)({ host: '127.0.0.1' });
    process.send(bound.address(), bound);
    process.on('message', () => process.exit());
  },

  internal: () => process.send({ cmd: 'NODE_oxipc', data: 1 }),
};

if (require.main === module) programs[process.argv[2]]();
