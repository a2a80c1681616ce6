'use strict';

// Connections over TLS, whose sessions run on threads of the addon with the library of Node's main thread: ends of all kinds.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { after, before, test } = require('node:test');
const tls = require('node:tls');
const { promisify } = require('node:util');
const { Worker } = require('node:worker_threads');

const { CertificateMaker } = require('../support/certificate-maker');
const { acceptPeer, frame, long, method } = require('../support/scripted-peer');

const run = promisify(execFile);
const AMQPLIB = JSON.stringify(path.join(__dirname, '..', '..', 'lib', 'amqplib'));
const BODY_BYTES = 20_000;

const maker = new CertificateMaker();
let ca;
let server;
let port;
const sockets = new Set();
let onPeer = () => {};

before(async () => {
  const own = maker.issue('own', { subject: '/CN=localhost', extensions: ['subjectAltName=DNS:localhost'] });
  ca = own.cert;
  server = tls.createServer({ cert: own.cert, key: own.key }, (socket) => onPeer(acceptPeer(socket, 1)));
  server.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = server.address().port;
});
after(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
  maker.remove();
});

/** A program with eight connections that publish, and more that are being opened, which then does `actions`. */
const busy = (actions) => `
  const amqplib = require(${AMQPLIB});
  const open = () => amqplib.connect('amqps://localhost:${port}', { ca: ${JSON.stringify(ca)} });
  Promise.all(Array.from({ length: 8 }, open)).then(async (connections) => {
    for (const connection of connections) {
      connection.on('error', () => {});
      const channel = await connection.createChannel();
      for (let count = 0; count < 200; count++) channel.publish('', 'q', Buffer.alloc(${BODY_BYTES}));
    }
    for (let count = 0; count < 8; count++) open().catch(() => {});
    ${actions}
  });`;

for (const [name, actions] of [
  ['at once', 'process.exit();'],
  ['a turn later', 'setImmediate(() => process.exit());'],
  ['without the exit event', 'setTimeout(() => process.reallyExit(0), 5);'],
]) {
  test(`a process that exits ${name}, with sessions at work`, async () => {
    for (let round = 0; round < 2; round++) await run(process.execPath, ['-e', busy(actions)]);
  });
}

test('workers that are terminated with sessions at work', async () => {
  for (let round = 0; round < 2; round++) {
    const workers = [0, 1].map(
      () => new Worker(busy("require('node:worker_threads').parentPort.postMessage(0);"), { eval: true }),
    );
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
});

test('heartbeats go on while JavaScript is busy', async () => {
  let beats = 0;
  const opened = new Promise((resolve) => {
    onPeer = (peer) => {
      // In another thread than the client: this process is the peer.
      peer.onFrame = ({ name, channel }) => {
        if (name === 'frame 8') beats++;
        if (name === '50.30') peer.send(method(channel, 50, 31, long(beats)));
      };
      const timer = setInterval(() => peer.send(frame(8, 0, Buffer.alloc(0))), 300);
      peer.socket.once('close', () => clearInterval(timer));
      resolve();
    };
  });
  const running = run(process.execPath, [
    '-e',
    `require(${AMQPLIB}).connect('amqps://localhost:${port}', { ca: ${JSON.stringify(ca)} }).then(async (connection) => {
      const channel = await connection.createChannel();
      const end = Date.now() + 3500;
      while (Date.now() < end);
      console.log((await channel.purgeQueue('q')).messageCount > 1);
      await connection.close();
    });`,
  ]);
  await opened;
  assert.equal((await running).stdout, 'true\n');
});
