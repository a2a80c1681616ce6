'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const { spawn } = require('../../lib/child_process');
require('../support/end-children');

// A child that writes these bytes to its channel by itself.
function childWriting(bytes, serialization, rest = '') {
  const script = `require('fs').writeSync(3, Buffer.from('${bytes.toString('hex')}', 'hex')); ${rest}`;
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc'];
  return spawn(process.execPath, ['-e', script], { stdio, serialization });
}

test('a length field beyond every message ends the channel', async () => {
  const child = childWriting(
    Buffer.from([0xff, 0xff, 0xff, 0xff, 1]),
    'advanced',
    'setInterval(() => {}, 1000)',
  );
  await once(child, 'disconnect');
  child.kill();
  await once(child, 'close');
  assert.equal(child.connected, false);
});

for (const serialization of ['json', 'advanced']) {
  test(`a channel that ends within a message is disconnected (${serialization})`, async () => {
    const child = childWriting(Buffer.from([0, 0, 0, 9, 1]), serialization);
    const [[code]] = await Promise.all([once(child, 'close'), once(child, 'disconnect')]);
    assert.equal(code, 0);
  });
}
