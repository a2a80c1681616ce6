'use strict';

// Tries to reach the network in every way, and logs what happened when. argv: the module. Descriptors 3 (TCP) and 4 (UNIX) listen,
// 5 is connected.

const diagnostics = require('node:diagnostics_channel');
const { setImmediate: nextTurn } = require('node:timers/promises');

const net = require(process.argv[2]);

// More turns than any of the refusals takes.
const TURNS = 10;

const NAME = `\0oxipc-permission-${process.pid}`;

let log = [];
let moment = 'at once';

function describe(value) {
  if (!(value instanceof Error)) return value;
  const fields = Object.keys(value).map((key) => [key, describe(value[key])]);
  return {
    class: value.constructor.name,
    message: value.message,
    ...Object.fromEntries(fields),
    ...(value.errors && { errors: value.errors.map(describe) }),
  };
}

const note = (...facts) => log.push([moment, ...facts.map(describe)]);

process.on('uncaughtException', (error) => note('uncaught', error));
// Node asks by itself for look-ups; what else is published has to be the same.
diagnostics.subscribe('node:permission-model:net', (message) => note('published', message));

async function attempt(name, start) {
  log = [];
  moment = 'at once';
  let emitter;
  try {
    emitter = start();
  } catch (error) {
    note('thrown', error);
  }
  moment = 'later';
  for (let turn = 0; turn < TURNS; turn++) await nextTurn();
  emitter?.destroy?.();
  emitter?.close?.();
  for (let turn = 0; turn < TURNS; turn++) await nextTurn();
  const text = JSON.stringify({ name, log }).replaceAll(String(process.pid), 'PID');
  process.stdout.write(`${text}\n`);
}

function watched(emitter, events) {
  for (const event of events) emitter.on(event, (...facts) => note(event, ...facts));
  return emitter;
}

const SERVER_EVENTS = ['listening', 'error', 'close'];
const SOCKET_EVENTS = [
  'lookup',
  'connectionAttempt',
  'connectionAttemptFailed',
  'connect',
  'ready',
  'error',
  'close',
];

const listens = {
  'listen()': [],
  'listen(port)': [0],
  'listen(port, address)': [0, '127.0.0.1'],
  'listen(port, IPv6 address)': [0, '::1'],
  'listen(port, name)': [0, 'localhost'],
  'listen(port, exclusive)': [{ port: 0, host: '127.0.0.1', exclusive: true, reusePort: true }],
  'listen(abstract name)': [NAME],
  'listen(path)': ['permission.sock'],
  'listen(path, readable)': [{ path: 'permission.sock', readableAll: true }],
  'listen(TCP descriptor)': [{ fd: 3 }],
  'listen(UNIX descriptor)': [{ fd: 4 }],
  'listen(no descriptor)': [{ fd: 999 }],
  'listen(aborted)': [{ port: 0, signal: AbortSignal.abort() }],
  'listen(handle)': [{ _handle: { fd: 3 } }],
};

const found = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];
const lookup = (name, options, callback) =>
  options.all ? callback(null, found) : callback(null, found[0].address, 4);
const laterLookup = (...args) => setImmediate(lookup, ...args);

function blocked() {
  const blockList = new net.BlockList();
  blockList.addAddress('127.0.0.1');
  return blockList;
}

const connects = {
  'connect(port, address)': [1, '127.0.0.1'],
  'connect(port, IPv6 address)': [1, '::1'],
  'connect(port)': [1],
  'connect(port, name)': [1, 'nowhere.invalid'],
  'connect(abstract name)': [NAME],
  'connect(path)': ['permission.sock'],
  'connect(from a port)': [{ port: 1, host: '127.0.0.1', localPort: 54321 }],
  'connect(from an address)': [{ port: 1, host: '127.0.0.1', localAddress: '127.0.0.1' }],
  'connect(lookup, one family)': [{ port: 1, host: 'x.example', lookup, autoSelectFamily: false }],
  'connect(lookup)': [{ port: 1, host: 'x.example', lookup }],
  'connect(later lookup)': [{ port: 1, host: 'x.example', lookup: laterLookup }],
  'connect(blocked address)': [{ port: 1, host: '127.0.0.1', blockList: blocked() }],
};

const others = {
  'connect, without a listener': () => net.connect(1, '127.0.0.1'),
  'listen, without a listener': () => net.createServer().listen(0, '127.0.0.1'),
  'the state of a server': () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    note(server.listening, server.address());
    return server;
  },
  'write and end': () => {
    const socket = watched(net.connect(1, '127.0.0.1'), SOCKET_EVENTS);
    socket.write('x', (error) => note('written', error));
    socket.end(() => note('ended'));
    return socket;
  },
  'a connected descriptor': () => {
    const socket = watched(new net.Socket({ fd: 5 }), SOCKET_EVENTS);
    socket.write('x', (error) => note('written', error));
    return socket;
  },
  BoundSocket: () => net.BoundSocket && new net.BoundSocket({ host: '127.0.0.1' }),
  'BoundSocket, by path': () => net.BoundSocket && new net.BoundSocket({ path: NAME }),
  _createServerHandle: () => {
    net._createServerHandle('127.0.0.1', 0, 4);
  },
};

async function main() {
  for (const [name, args] of Object.entries(listens)) {
    await attempt(name, () => watched(net.createServer(), SERVER_EVENTS).listen(...args));
  }
  for (const [name, args] of Object.entries(connects)) {
    const options = typeof args[0] === 'object' ? args[0] : {};
    await attempt(name, () => {
      const socket = watched(new net.Socket(options), SOCKET_EVENTS).connect(...args);
      note(socket.connecting, socket.pending, socket.destroyed, socket.readyState);
      return socket;
    });
  }
  for (const [name, start] of Object.entries(others)) await attempt(name, start);
  process.exit();
}

main();
