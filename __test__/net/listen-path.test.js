'use strict';

// The options of listen() for a path, which Node does not have.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const net = require('../../lib/net');

function socketPath(t) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'listen-path-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  return path.join(directory, 'socket');
}

test('mode is that of the file, takeOver replaces a file that nobody listens on', async (t) => {
  const file = socketPath(t);
  // Its file stays when it closes.
  const bound = new net.BoundSocket({ path: file });
  const left = `${file}.left`;
  fs.linkSync(file, left);
  bound.close();

  const server = net.createServer();
  t.after(() => server.close());
  server.listen({ path: left, mode: 0o640, takeOver: true });
  await once(server, 'listening');
  assert.equal(fs.statSync(left).mode & 0o777, 0o640);

  const second = net.createServer().listen({ path: left, takeOver: true });
  const [{ code }] = await once(second, 'error');
  assert.equal(code, 'EADDRINUSE');
});

test('takeOver is refused for a port and for a descriptor', () => {
  for (const target of [{ port: 0 }, { port: undefined }, { port: 0, path: '/tmp/unused' }, { fd: 0 }]) {
    const server = net.createServer();
    assert.throws(() => server.listen({ ...target, takeOver: true }), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: "The property 'options.takeOver' is for a path only. Received true",
    });
    assert.equal(server.listening, false);
  }
});
