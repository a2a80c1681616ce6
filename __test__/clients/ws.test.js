// `ws`, both ends of it, on our sockets.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const path = require('node:path');
const { before, test } = require('node:test');

const net = require('../../lib/net');
const { ensurePackages } = require('../../scripts/setup/packages');

before(() => ensurePackages(path.join('__test__', 'clients')));

// An echoing server, whose connections an http server gets from ours.
async function listen(t, target) {
  const { WebSocketServer } = require('ws');
  const web = http.createServer();
  const sockets = new WebSocketServer({ server: web });
  sockets.on('connection', (socket) => {
    assert.ok(socket._socket instanceof net.Socket);
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  const server = net.createServer((socket) => web.emit('connection', socket));
  server.listen(target);
  await once(server, 'listening');
  t.after(() => {
    for (const client of sockets.clients) client.terminate();
    server.close();
  });
  return server;
}

async function open(t, url, createConnection) {
  const { WebSocket } = require('ws');
  const socket = new WebSocket(url, { createConnection });
  t.after(() => socket.terminate());
  await once(socket, 'open');
  assert.ok(socket._socket instanceof net.Socket);
  return socket;
}

for (const kind of ['TCP', 'UNIX']) {
  test(`ws over ${kind}: text, binary, large, many, ping and close`, async (t) => {
    const name = `\0ws-test-${process.pid}`;
    const server = await listen(t, kind === 'TCP' ? { port: 0, host: '127.0.0.1' } : { path: name });
    const { port } = server.address();
    const connect = kind === 'TCP' ? () => net.connect(port, '127.0.0.1') : () => net.connect(name);
    const socket = await open(t, 'ws://localhost/', connect);

    socket.send('text äöü');
    const [text, isBinary] = await once(socket, 'message');
    assert.deepEqual([String(text), isBinary], ['text äöü', false]);

    const large = Buffer.alloc(5 << 20, 'large');
    socket.send(large);
    assert.ok((await once(socket, 'message'))[0].equals(large));

    const received = [];
    const all = new Promise((resolve) => {
      socket.on('message', (data) => received.push(String(data)) === 5_000 && resolve());
    });
    for (let index = 0; index < 5_000; index++) socket.send(`message ${index}`);
    await all;
    assert.deepEqual(
      received,
      Array.from({ length: 5_000 }, (_, index) => `message ${index}`),
    );

    socket.ping('are you there');
    assert.equal(String((await once(socket, 'pong'))[0]), 'are you there');
    socket.close(4000, 'enough');
    const [code, reason] = await once(socket, 'close');
    assert.deepEqual([code, String(reason)], [4000, 'enough']);
  });
}

test('a server that terminates a connection of ws', async (t) => {
  const { WebSocketServer } = require('ws');
  const web = http.createServer();
  new WebSocketServer({ server: web }).on('connection', (socket) => socket._socket.resetAndDestroy());
  const server = net.createServer((socket) => web.emit('connection', socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address();
  const { WebSocket } = require('ws');
  const socket = new WebSocket('ws://localhost/', { createConnection: () => net.connect(port, '127.0.0.1') });
  socket.on('error', () => {});
  assert.equal((await once(socket, 'close'))[0], 1006);
});
