'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const net = require('../../lib/net');

const socketPath = () =>
  path.join(os.tmpdir(), `oxipc-echo-${process.pid}-${Math.random().toString(36).slice(2)}.sock`);

for (const [kind, target] of [
  ['a TCP port', () => 0],
  ['a UNIX path', socketPath],
  ['an abstract UNIX name', () => `\0${socketPath()}`],
]) {
  test(`bytes come back from an echo server on ${kind}`, async (t) => {
    const server = net.createServer((socket) => socket.pipe(socket));
    t.after(() => server.close());
    server.listen(target());
    await once(server, 'listening');
    const address = server.address();
    const client = net.connect(typeof address === 'string' ? address : address.port);
    client.end('hello');
    let text = '';
    for await (const chunk of client.setEncoding('utf8')) text += chunk;
    assert.equal(text, 'hello');
  });
}
