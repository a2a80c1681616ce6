'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const { spawn } = require('../../lib/child_process');
const native = require('../../lib/native');

test('a stream ends with an error when there is no memory to read into', async (t) => {
  // In the place of lib/internal/read-memory.js, whose own has been set by now.
  native.setReadMemoryAllocator(() => {
    throw new RangeError('Array buffer allocation failed');
  });
  const child = spawn('cat', { stdio: ['pipe', 'pipe', 'ignore'] });
  t.after(() => child.kill());
  child.stdin.write('text');
  const [error] = await once(child.stdout, 'error');
  assert.equal(error.message, 'read ENOMEM');
  child.stdin.end();
  await once(child, 'close');
});
