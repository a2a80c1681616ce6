'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const { spawn } = require('../../lib/child_process');

test('a stream ends with an error when there is no memory to read into', async (t) => {
  const child = spawn('cat', { stdio: ['pipe', 'pipe', 'ignore'] });
  t.after(() => child.kill());
  child.stdin.write('text');
  // What native makes the memory with, for the first read of this thread.
  t.mock.method(Buffer.prototype, 'subarray', () => {
    throw new RangeError('Array buffer allocation failed');
  });
  const [error] = await once(child.stdout, 'error');
  t.mock.restoreAll();
  assert.equal(error.message, 'read ENOMEM');
  child.stdin.end();
  await once(child, 'close');
});
