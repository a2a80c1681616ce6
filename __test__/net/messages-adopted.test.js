'use strict';

// net.messages() on sockets whose `_handle` somebody reads: before, in between and afterwards.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const net = require('../../lib/net');

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-messages-'));
test.after(() => fs.rmSync(directory, { recursive: true }));

const MOMENTS = {
  'before the connection': (socket) => socket._handle,
  'when it is connected': (socket) => socket.once('connect', () => socket._handle),
};

for (const [name, target] of Object.entries({
  TCP: { port: 0, host: '127.0.0.1' },
  UNIX: { path: path.join(directory, 'socket') },
})) {
  const listen = async (listener) => {
    const server = net.createServer(listener).listen(target);
    await once(server, 'listening');
    return server;
  };
  const connect = (server) => net.connect(server.address().port ?? { path: server.address() });

  for (const [moment, read] of Object.entries(MOMENTS)) {
    test(`messages on a handle of Node's, read ${moment} (${name})`, async () => {
      const server = await listen((socket) => {
        void socket._handle;
        const messages = net.messages(socket);
        messages.on('message', (message) => messages.send({ back: message }));
      });
      const socket = connect(server);
      read(socket);
      const messages = net.messages(socket);
      const text = 'x'.repeat(300_000);
      messages.send({ text });
      const [message] = await once(messages, 'message');
      assert.deepEqual(message, { back: { text } });
      assert.equal(socket._handle.isStreamBase, true);
      await messages.close();
      server.close();
    });
  }

  test(`a socket that carries messages keeps its handle (${name})`, async () => {
    const server = await listen((socket) => {
      const messages = net.messages(socket);
      messages.on('message', (message) => messages.send(message));
    });
    const socket = connect(server);
    const messages = net.messages(socket);
    for (const number of [1, 2, 3]) {
      messages.send({ number });
      assert.deepEqual((await once(messages, 'message'))[0], { number });
      const { _handle: handle } = socket;
      assert.ok(handle.fd > 2 && handle.hasRef() && !handle.isStreamBase);
    }
    await messages.close();
    server.close();
  });
}

test('descriptors go by handles of ours only', async () => {
  const server = net.createServer().listen(path.join(directory, 'descriptors'));
  await once(server, 'listening');
  const socket = net.connect(server.address());
  await once(socket, 'connect');
  void socket._handle;
  assert.throws(() => net.sendDescriptors(socket, [0]), { code: 'ERR_INVALID_HANDLE_TYPE' });
  socket.destroy();
  server.close();
});
