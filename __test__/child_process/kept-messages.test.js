'use strict';

// Messages that come while nobody listens are kept, and lost to nobody who listens later.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { setImmediate: nextTurn } = require('node:timers/promises');
const { test } = require('node:test');

const { spawn } = require('../../lib/child_process');
require('../support/end-children');

/** A child whose messages 1 and 2 are kept; for a line on its stdin it sends the next, and what it is sent it sends back. */
async function childWithKept() {
  const script = 'printf "1\\n2\\n" >&3; echo sent; read line; printf "3\\n" >&3; exec cat <&3 >&3';
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit', 'ipc'] });
  await once(child.stdout, 'data');
  // What was in the kernel before is here in the same turn, and kept in the ticks that follow.
  await nextTurn();
  return child;
}

function received(child, count) {
  const messages = [];
  return new Promise((resolve) => {
    child.on('message', (message) => {
      messages.push(message);
      if (messages.length === count) resolve(messages);
    });
  });
}

for (const [what, before] of [
  ['they are delivered to the first listener, and those that come later behind them', () => {}],
  // It takes what waits for a listener along.
  ['the next message brings them along after removeAllListeners()', (child) => child.removeAllListeners()],
]) {
  test(what, async () => {
    const child = await childWithKept();
    before(child);
    const all = received(child, 4);
    child.stdin.write('\n');
    child.send('back');
    assert.deepEqual(await all, [1, 2, 3, 'back']);
    child.kill();
    await once(child, 'close');
  });
}

test('a message without JSON form is told to the peer as text that is none', async () => {
  const script = 'read line <&3; echo "$line"';
  const child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  child.send({ toJSON() {} });
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  assert.equal(line, 'undefined\n');
  await once(child, 'close');
});
