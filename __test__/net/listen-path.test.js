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
  server.listen({ path: left, oxipc: { mode: 0o640, takeOver: true } });
  await once(server, 'listening');
  assert.equal(fs.statSync(left).mode & 0o777, 0o640);

  const second = net.createServer().listen({ path: left, oxipc: { takeOver: true } });
  const [{ code }] = await once(second, 'error');
  assert.equal(code, 'EADDRINUSE');
});

test('they are refused for a port and for a descriptor', () => {
  for (const target of [{ port: 0 }, { port: undefined }, { port: 0, path: '/tmp/unused' }, { fd: 0 }]) {
    for (const oxipc of [{ takeOver: true }, { mode: 0o600 }]) {
      const server = net.createServer();
      assert.throws(() => server.listen({ ...target, oxipc }), {
        code: 'ERR_INVALID_ARG_VALUE',
        message: /^The property 'options\.oxipc' is for a path only\. Received {/,
      });
      assert.equal(server.listening, false);
    }
  }
});

test('wrong ones are refused', () => {
  for (const [oxipc, code, name] of [
    [1, 'ERR_INVALID_ARG_TYPE', 'options.oxipc'],
    [{ mode: '600' }, 'ERR_INVALID_ARG_TYPE', 'options.oxipc.mode'],
    [{ uid: -1 }, 'ERR_OUT_OF_RANGE', 'options.oxipc.uid'],
    [{ gid: {} }, 'ERR_INVALID_ARG_TYPE', 'options.oxipc.gid'],
    [{ takeOver: 1 }, 'ERR_INVALID_ARG_TYPE', 'options.oxipc.takeOver'],
  ]) {
    assert.throws(
      () => net.createServer().listen({ path: '/tmp/unused', oxipc }),
      (error) => error.code === code && error.message.includes(`"${name}"`),
    );
  }
});
