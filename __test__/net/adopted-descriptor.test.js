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
