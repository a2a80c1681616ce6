'use strict';

// A handle that did not arrive, because its receiver had no descriptor left for it, is sent again.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const { spawn } = require('../../lib/child_process');
const net = require('../../lib/net');
require('../support/end-children');

const stdio = ['ignore', 'inherit', 'inherit', 'ipc'];

test('a handle that Node sends again arrives', async (t) => {
  // Its second attempt sends the first one's envelope with the bare handle.
  const source = `
    const net = require('node:net');
    const server = net.createServer({ pauseOnConnect: true }, (socket) => {
      process._send({ cmd: 'NODE_HANDLE', type: 'net.Socket', msg: 'again' }, socket._handle);
    });
    server.listen(0, '127.0.0.1', () => net.connect(server.address().port, '127.0.0.1').end('hello'));
    process.on('disconnect', () => process.exit());`;
  const child = spawn(process.execPath, ['-e', source], { stdio });
  const [message, socket] = await once(child, 'message');
  t.after(() => socket.destroy());
  assert.equal(message, 'again');
  assert.equal(String((await once(socket, 'data'))[0]), 'hello');
  child.disconnect();
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('a handle that was refused is sent again as it was, and its callback called once', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  const [socket] = await once(server, 'connection');
  const script = `
    read -r first <&3
    echo '{"cmd":"NODE_HANDLE_NACK"}' >&3
    read -r second <&3
    [ "$first" = "$second" ] && echo '"same"' >&3
    echo '{"cmd":"NODE_HANDLE_ACK"}' >&3
    read -r third <&3
    echo "$third" >&3`;
  const child = spawn('sh', ['-c', script], { stdio });
  const messages = [];
  child.on('message', (message) => messages.push(message));
  let calls = 0;
  child.send('first', socket, () => calls++);
  child.send('third');
  await once(child, 'close');
  assert.deepEqual(messages, ['same', 'third']);
  assert.equal(calls, 1);
  client.destroy();
});
