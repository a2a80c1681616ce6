'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { setImmediate: nextTurn } = require('node:timers/promises');
const { test } = require('node:test');

const { RunError, run } = require('../../lib/child_process');
require('../support/end-children');

// What a loop over the lines gives, and what it throws.
async function linesOf(running) {
  const lines = [];
  try {
    for await (const line of running) lines.push(line);
  } catch (error) {
    return { lines, error };
  }
  return { lines };
}

const numbers = (count) => Array.from({ length: count }, (_, index) => String(index + 1));

test('a loop gives all lines, whenever it begins', async () => {
  const expected = { lines: numbers(30_000) };
  assert.deepEqual(await linesOf(run('seq', ['30000'])), expected);

  const late = run('sh', ['-c', 'seq 15000; read line; seq 15001 30000'], {
    stdio: 'pipe',
    input: untilSeen(),
  });
  await once(late.child.stdout, 'data');
  assert.deepEqual(await linesOf(late), expected);
  assert.equal((await late).stdout, '');

  const closed = run('seq', ['30000']);
  await once(closed.child, 'close');
  assert.deepEqual(await linesOf(closed), expected);

  const awaited = run('seq', ['30000']);
  const { stdout } = await awaited;
  for (let round = 0; round < 2; round++) assert.deepEqual(await linesOf(awaited), expected);
  assert.deepEqual(stdout.split('\n'), expected.lines);

  async function* untilSeen() {
    await once(late.child.stdout, 'data');
    yield '\n';
  }
});

test('lines end with \\n and \\r\\n and nowhere else, in text and in bytes', async () => {
  const expected = { lines: ['a', '', 'b\rc', 'ä\u2028ö', 'd'] };
  for (const encoding of ['utf8', 'buffer']) {
    const options = { input: Buffer.from('a\n\nb\rc\r\nä\u2028ö\nd'), encoding };
    assert.deepEqual(await linesOf(run('cat', options)), expected);
    assert.deepEqual(await linesOf(run('dd', ['bs=1', 'status=none'], options)), expected);
  }
});

test('a loop that begins after the failure is told of it', async () => {
  const running = run('sh', ['-c', 'echo line; exit 3']);
  await assert.rejects(running);
  const { lines, error } = await linesOf(running);
  assert.deepEqual(lines, ['line']);
  assert.equal(error.exitCode, 3);
});

test('a loop over a missing program, and over one without a pipe', async () => {
  assert.equal((await linesOf(run('oxipc-missing'))).error.code, 'ENOENT');
  assert.deepEqual(await linesOf(run('true', { stdio: 'ignore' })), { lines: [] });
});

test('a maxBuffer that was asked for ends the loop with the failure, without a line that was cut', async () => {
  for (const begun of ['at once', 'late']) {
    const running = run('yes', { maxBuffer: 5 });
    if (begun === 'late') await running.catch(() => {});
    const { lines, error } = await linesOf(running);
    assert.deepEqual(lines, ['y', 'y']);
    assert.ok(error instanceof RunError);
    assert.equal(error.isMaxBuffer, true);
  }
  const { error } = await linesOf(run('sh', ['-c', 'yes >&2'], { maxBuffer: 5 }));
  assert.equal(error.isMaxBuffer, true);
});

test('onMaxBuffer: a loop gives the beginning with head, and with tail all that still comes', async () => {
  assert.deepEqual(await linesOf(run('seq', ['9'], { maxBuffer: 4, onMaxBuffer: 'head' })), {
    lines: ['1', '2'],
  });
  const tail = run('seq', ['30000'], { maxBuffer: 4, onMaxBuffer: 'tail' });
  assert.deepEqual(await linesOf(tail), { lines: numbers(30_000) });
});

test('a loop is not ended by a maxBuffer that nobody asked for', async () => {
  const write = `{ yes ${'x'.repeat(999)} | head -c 101000000; }`;
  const running = run('sh', ['-c', `${write} & ${write} >&2; wait`]);
  let length = 0;
  for await (const line of running) length += line.length + 1;
  const { stdout, stderr } = await running;
  assert.equal(length, 101_000_000);
  assert.equal(stdout, '');
  // Without the last newline.
  assert.equal(stderr.length, 99_999_999);
});

test('a line that does not end is bounded', async () => {
  const { lines, error } = await linesOf(run('sh', ['-c', "yes | tr -d '\\n'"]));
  assert.deepEqual(lines, []);
  assert.equal(error.isMaxBuffer, true);
});

test('a slow loop slows the child', async () => {
  const running = run('yes');
  for await (const line of running) {
    assert.equal(line, 'y');
    // The kernel's buffer is full when nothing more comes for many turns of the event loop.
    const { stdout } = running.child;
    for (let quiet = 0, read = -1; quiet < 1000; quiet++) {
      if (stdout.bytesRead !== read) quiet = 0;
      read = stdout.bytesRead;
      await nextTurn();
    }
    assert.ok(stdout.bytesRead < 2e6, `${stdout.bytesRead} bytes read`);
    break;
  }
});

test('a loop gets what had been read before an abort, and then the failure', async () => {
  const controller = new AbortController();
  // In one write, so that the second line is here with the first.
  const running = run('sh', ['-c', "printf 'one\\ntwo\\n'; exec sleep 1000"], { signal: controller.signal });
  const lines = [];
  await assert.rejects(async () => {
    for await (const line of running) {
      lines.push(line);
      if (lines.length > 1) continue;
      controller.abort();
      await once(running.child, 'close');
    }
  }, RunError);
  assert.deepEqual(lines, ['one', 'two']);
});

test('a child that is ended by leaving the loop can still write', async () => {
  const script = "trap 'seq 300000; exit 3' TERM; echo ready; while :; do sleep 0.01; done";
  const running = run('sh', ['-c', script]);
  for await (const line of running) {
    assert.equal(line, 'ready');
    break;
  }
  assert.equal(running.child.exitCode, 3);
});

test('a second loop over a live output is refused and does not disturb the first', async () => {
  const running = run('sh', ['-c', 'echo one; read line; echo two'], { input: onceRefused() });
  let refuse;
  const refused = new Promise((resolve) => (refuse = resolve));
  async function* onceRefused() {
    await refused;
    yield '\n';
  }
  const lines = [];
  for await (const line of running) {
    lines.push(line);
    assert.equal((await linesOf(running)).error.code, 'ERR_INVALID_STATE');
    refuse();
  }
  assert.deepEqual(lines, ['one', 'two']);
});
