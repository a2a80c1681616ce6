'use strict';

// A top-level `const URL` of `node -e` or the REPL hides the global of that name from everything that reads it there.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { test } = require('node:test');
const { promisify } = require('node:util');

const { createBroker } = require('../../lib/broker');

// Runs behind the declarations, with `root` and `url`.
const SCENARIO = `
  const net = require(root + '/net');
  const amqplib = require(root + '/amqplib');
  const { once } = require('node:events');
  (async () => {
    const connection = await amqplib.connect(url, { recovery: true });
    const channel = await connection.createChannel();
    await channel.assertQueue('q', { exclusive: true });
    await channel.respond('q', () => Buffer.from('answer'));
    const reply = await channel.request('', 'q', Buffer.from('?'), { timeout: 5000 });
    await connection.close();

    const server = net.createServer((socket) => {
      net.messages(socket).handle((value, { signal }) => (signal.aborted ? 'aborted' : value));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const socket = net.connect(server.address().port, '127.0.0.1');
    socket.setTimeout(5000);
    const echo = await net.messages(socket).request('echo', { timeout: 5000 });
    socket.destroy();
    server.close();
    console.log(String(reply.content), echo);
  })();
`;

test('nothing depends on globals that a script may declare', async () => {
  const broker = await createBroker({ port: 0 });
  try {
    const names = ['URL', 'AbortController', 'clearTimeout', 'queueMicrotask', 'setImmediate', 'setTimeout'];
    const declarations = `const ${names.map((name) => `${name} = null`).join(', ')};`;
    const given = `const root = ${JSON.stringify(`${__dirname}/../../lib`)}, url = ${JSON.stringify(broker.url)};`;
    const program = [declarations, given, SCENARIO].join('\n');
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', program]);
    assert.equal(stdout, 'answer echo\n');
  } finally {
    await broker.close();
  }
});
