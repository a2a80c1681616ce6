'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { test } = require('node:test');

const { runBounded } = require('../../scripts/test/run-bounded');

const mark = (name) => ({ mark: `OXIPC_TEST_MARK=${name}`, env: { OXIPC_TEST_MARK: name } });
// A zombie, which waits for init, has no command line left.
const isAlive = (pid) =>
  fs.existsSync(`/proc/${pid}`) && fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';

test('gives status and output of a command that ends', async () => {
  const result = await runBounded('sh', ['-c', 'echo out; exit 3'], {
    ...mark(`ends-${process.pid}`),
    limit: 60_000,
  });
  assert.deepEqual(result, { status: 3, output: 'out\n', leftovers: [], timedOut: false });
});

test('ends what a command leaves behind, its output held open and its process group changed', async () => {
  // Not before it is what it is to be: in the middle of execve a process has no command line.
  const script = 'setsid sleep 1000 & until grep -qa ^sleep /proc/$!/cmdline; do :; done; echo $!';
  const { status, output, leftovers } = await runBounded('sh', ['-c', script], {
    ...mark(`leaves-${process.pid}`),
    limit: 60_000,
  });
  assert.equal(status, 0);
  assert.equal(leftovers.length, 1);
  assert.match(leftovers[0], /sleep 1000/);
  assert.equal(isAlive(Number(output)), false);
});

test('ends a command and its children at the limit', async () => {
  const result = await runBounded('sh', ['-c', 'env -i sleep 1000; true'], {
    ...mark(`hangs-${process.pid}`),
    limit: 1,
  });
  assert.deepEqual(result, { status: 'SIGKILL', output: '', leftovers: [], timedOut: true });
});
