'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { test } = require('node:test');

// In a process of its own: uncaught exceptions belong to the test runner here.
const SCRIPT = `
  const net = require(${JSON.stringify(require.resolve('../../lib/net'))});
  process.on('uncaughtException', ({ message }) => console.log(message));
  const server = net.createServer((socket) => socket.on('error', () => {}).pause()).listen(0, () => {
    const client = net.connect(server.address().port, () => {
      client.write(Buffer.alloc(8_000_000), () => { throw new Error('thrown'); });
      client.destroy();
    });
    client.on('error', () => {});
    client.on('close', () => { console.log('close'); process.exit(); });
  });
`;

test("'close' comes even when the callback of a write that destroy() cut off throws", () => {
  assert.equal(execFileSync(process.execPath, ['-e', SCRIPT], { encoding: 'utf8' }), 'thrown\nclose\n');
});
