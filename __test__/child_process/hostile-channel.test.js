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

const UNHEARD_BYTES = 64 * 1024 * 1024;
// Lines of 1 KiB on the channel until one more than that has been written.
const flood = (text) =>
  spawn('sh', ['-c', `yes '${text}' | head -n ${UNHEARD_BYTES / 1024 + 1} >&3`], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });

test('a child that nobody has listened to is reported as closed', async () => {
  const child = flood(JSON.stringify('x'.repeat(1021)));
  const [[code]] = await Promise.all([once(child, 'close'), once(child, 'disconnect')]);
  assert.equal(code, 0);
});

test('messages that are not for listeners need none to be read', async () => {
  const empty = JSON.stringify({ cmd: 'NODE_OTHER', text: '' });
  const child = flood(JSON.stringify({ cmd: 'NODE_OTHER', text: 'x'.repeat(1023 - empty.length) }));
  let count = 0;
  child.on('internalMessage', () => count++);
  await once(child, 'disconnect');
  assert.equal(count, UNHEARD_BYTES / 1024 + 1);
});
