'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
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

test('a callback that throws does not keep the others from being called', () => {
  const source = `
    const { spawn } = require(${JSON.stringify(require.resolve('../../lib/child_process'))});
    process.on('uncaughtException', (error) => console.log(error.message));
    // It begins to read when all are queued.
    const child = spawn('sh', ['-c', 'read go; cat <&3 >/dev/null'], { stdio: ['pipe', 'ignore', 'inherit', 'ipc'] });
    child.send('x'.repeat(5_000_000));
    for (const text of ['first', 'second', 'third']) child.send(text, () => { throw new Error(text); });
    child.send('last', () => child.disconnect());
    child.stdin.end('\\n');`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', source], { encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.equal(stdout, 'first\nsecond\nthird\n');
});

test('messages that are lost with their child are called back for after the end of the channel, as in node', async () => {
  const orderOf = async ({ spawn }) => {
    const child = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const order = [];
    child.on('disconnect', () => order.push('disconnect'));
    const answered = new Promise((resolve) => {
      child.send('x'.repeat(5_000_000), () => resolve(order.push('callback')));
    });
    child.kill();
    await answered;
    return order;
  };
  assert.deepEqual(await orderOf({ spawn }), await orderOf(require('node:child_process')));
});

test('a message listener that throws keeps no kept message from the next', () => {
  const source = `
    const { spawn } = require(${JSON.stringify(require.resolve('../../lib/child_process'))});
    process.on('uncaughtException', (error) => console.log(error.message));
    const text = [1, 2, 3].map((number) => '{"number":' + number + '}\\n').join('');
    const options = { stdio: ['pipe', 'pipe', 'inherit', 'ipc'], env: { text } };
    const child = spawn('sh', ['-c', 'printf "$text" >&3; echo written; read line'], options);
    // In the second turn from now all has been read.
    child.stdout.once('data', () => setImmediate(setImmediate, () => {
      child.on('message', ({ number }) => {
        if (number === 3) child.stdin.end();
        throw new Error('message ' + number);
      });
    }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', source], { encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.equal(stdout, 'message 1\nmessage 2\nmessage 3\n');
});
