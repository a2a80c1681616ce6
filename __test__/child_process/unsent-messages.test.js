'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const { spawn } = require('../../lib/child_process');
require('../support/end-children');

test('disconnect() calls back for messages that the kernel has not taken', async () => {
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc'];
  // It never reads its channel.
  const child = spawn('sleep', ['1000'], { stdio });
  const results = [];
  const answered = new Promise((resolve) => {
    child.send('x'.repeat(5_000_000), (error) => results.push(error));
    child.send('second', (error) => resolve(results.push(error)));
  });
  child.disconnect();
  await once(child, 'disconnect');
  await answered;
  assert.deepEqual(results, [null, null]);
  child.kill();
  await once(child, 'exit');
});
