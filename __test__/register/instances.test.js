'use strict';

// `instanceof` under the register, where a program's `net` is ours and that of http, tls and process.stdin Node's.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const path = require('node:path');
const test = require('node:test');

const program = path.join(__dirname, 'fixtures', 'instances.cjs');

const run = (...args) =>
  JSON.parse(
    execFileSync(process.execPath, [...args, program], { encoding: 'utf8', cwd: __dirname, input: '' }),
  );

test('sockets and servers of Node and of ours are instances of the classes of net', () => {
  const seen = run('--import', 'oxipc/register');
  assert.deepEqual(seen, run());
  assert.equal(seen.request && seen.stdin && seen.tlsSocket, true);
});
