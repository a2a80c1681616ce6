'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
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
  assert.deepEqual(client.peerCredentials(), OWN);
  client.destroy();
  await once(client, 'close');
  assert.throws(() => client.peerCredentials(), NOT_CONNECTED);
  assert.deepEqual(accepted.peerCredentials(), OWN);
});

test('a socket that is not connected has no peer', () =>
  assert.throws(() => new net.Socket().peerCredentials(), NOT_CONNECTED));

test('a TCP socket knows no peer of the kind', async (t) => {
  const [client, accepted] = await socketPair(t, { kind: 'tcp' });
  assert.throws(() => client.peerCredentials(), NO_UNIX_SOCKET);
  assert.throws(() => accepted.peerCredentials(), NO_UNIX_SOCKET);
  client.destroy();
  await once(client, 'close');
  assert.throws(() => client.peerCredentials(), NOT_CONNECTED);
});
