'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const { spawn } = require('../../lib/child_process');
require('../support/end-children');

// More than the 64 KiB of one read: the descriptor arrives before the message is whole.
const SCRIPT = `
  const server = require('net').createServer().listen(0, () => process.send('x'.repeat(200000), server));
  process.on('disconnect', () => process.exit());
`;

for (const serialization of ['json', 'advanced']) {
  test(`a message of several reads keeps the handle that came with it (${serialization})`, async () => {
    const stdio = ['ignore', 'ignore', 'inherit', 'ipc'];
    const child = spawn(process.execPath, ['-e', SCRIPT], { stdio, serialization });
    const [message, handle] = await once(child, 'message');
    assert.equal(message.length, 200_000);
    assert.equal(handle.listening, true);
    handle.close();
    child.disconnect();
    await once(child, 'exit');
  });
}
