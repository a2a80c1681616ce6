'use strict';

const assert = require('node:assert/strict');
const { EventEmitter, once } = require('node:events');
const nodesNet = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const net = require('../../lib/net');
const { socketPair } = require('../support/message-pair');

const OWN = { pid: process.pid, uid: process.getuid(), gid: process.getgid() };
const NOT_CONNECTED = {
  code: 'ENOTCONN',
  syscall: 'getsockopt',
  message: 'getsockopt ENOTCONN the socket is not connected',
};
const NO_UNIX_SOCKET = {
  code: 'EINVAL',
  syscall: 'getsockopt',
  message: 'getsockopt EINVAL this is no UNIX socket',
};

test('both ends of a UNIX connection are told of each other, also when the other has gone', async (t) => {
  const [client, accepted] = await socketPair(t);
  assert.deepEqual(net.peerCredentials(client), OWN);
  client.destroy();
  await once(client, 'close');
  assert.throws(() => net.peerCredentials(client), NOT_CONNECTED);
  assert.deepEqual(net.peerCredentials(accepted), OWN);
});

test('a socket that is not connected has no peer', () =>
  assert.throws(() => net.peerCredentials(new net.Socket()), NOT_CONNECTED));

test('a TCP socket knows no peer of the kind', async (t) => {
  const [client, accepted] = await socketPair(t, { kind: 'tcp' });
  assert.throws(() => net.peerCredentials(client), NO_UNIX_SOCKET);
  assert.throws(() => net.peerCredentials(accepted), NO_UNIX_SOCKET);
  client.destroy();
  await once(client, 'close');
  assert.throws(() => net.peerCredentials(client), NOT_CONNECTED);
});

test("a socket of Node's has a peer too, and what is no socket none", async (t) => {
  const server = net
    .createServer((socket) => socket.resume())
    .listen(path.join(os.tmpdir(), `oxipc-credentials-${process.pid}.sock`));
  t.after(() => server.close());
  await once(server, 'listening');
  const other = nodesNet.connect(server.address());
  t.after(() => other.destroy());
  await once(other, 'connect');
  assert.deepEqual(net.peerCredentials(other), OWN);
  for (const wrong of [undefined, {}, new EventEmitter()])
    assert.throws(() => net.peerCredentials(wrong), { code: 'ERR_INVALID_ARG_TYPE' });
});
