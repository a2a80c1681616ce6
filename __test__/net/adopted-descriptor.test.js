'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const nodeNet = require('node:net');
const { test } = require('node:test');

const net = require('../../lib/net');

test('a descriptor that is in use already is refused and left alone', async (t) => {
  const server = net.createServer((socket) => socket.pipe(socket)).listen(0);
  t.after(() => server.close());
  await once(server, 'listening');
  const user = nodeNet.connect(server.address().port);
  t.after(() => user.destroy());
  await once(user, 'connect');

  assert.throws(() => new net.Socket({ fd: user._handle.fd }), { code: 'EEXIST', syscall: 'open' });
  user.write('still here');
  assert.equal(String(await once(user, 'data')), 'still here');
});

test('of two sockets on one descriptor the second to read learns that it is in use', async (t) => {
  const server = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  t.after(() => client.destroy());
  const [first] = await once(server, 'connection');
  // Neither reads yet, so nobody watches the descriptor.
  const second = new net.Socket({ fd: first._handle.fd, manualStart: true });
  first.resume();
  const failed = once(second, 'error');
  second.resume();
  const [error] = await failed;
  assert.equal(error.code, 'EEXIST');
  assert.equal(error.syscall, 'read');
  first.destroy();
});
