'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
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

test('messages that were kept are there for one listener after the other', async () => {
  const stdio = ['pipe', 'ignore', 'inherit', 'ipc'];
  const child = spawn('sh', ['-c', `printf '"a"\\n"b"\\n"c"\\n' >&3; read line`], { stdio });
  const received = [];
  while (received.length < 3) received.push((await once(child, 'message'))[0]);
  assert.deepEqual(received, ['a', 'b', 'c']);
  child.stdin.end();
});

test('disconnect() while a part of a message is here ends when it is whole', async () => {
  const script = `printf '"first"\\n"sec' >&3; read line; printf 'ond"\\n' >&3; read line`;
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'inherit', 'ipc'] });
  const disconnected = once(child, 'disconnect');
  await new Promise((resolve) => {
    child.once('message', (message) => {
      assert.equal(message, 'first');
      child.disconnect();
      resolve();
    });
  });
  child.stdin.write('\n');
  await disconnected;
  child.stdin.end('\n');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('messages behind a handle that nobody acknowledges are given up with the child', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  const [socket] = await once(server, 'connection');
  server.close();
  // It never reads its channel.
  const child = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  // Nobody listens to 'error': a child that crashes does not take its parent along.
  child.send('socket', socket);
  child.send('behind');
  const told = new Promise((resolve) => child.send('behind', resolve));
  child.kill('SIGKILL');
  await once(child, 'disconnect');
  assert.equal((await told).code, 'ERR_IPC_CHANNEL_CLOSED');
  // Nobody has the other end any more.
  client.resume();
  await once(client, 'close');
});
