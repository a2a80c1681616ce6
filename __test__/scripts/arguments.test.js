'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');

const ROOT = path.join(__dirname, '..', '..');

function run(script, ...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(ROOT, script), ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

for (const script of ['scripts/start.js', 'scripts/test.js', 'scripts/build.js', 'benchmark/run.js']) {
  test(`${script} tells its usage, also when it does not know an option`, () => {
    const help = run(script, '--help');
    assert.match(help.stdout, /^Usage: npm /);
    assert.deepEqual(help, { status: 0, stdout: help.stdout, stderr: '' });
    const { status, stderr } = run(script, '--no-such-option');
    assert.equal(status, 1);
    assert.match(stderr, /^oxipc: Unknown option '--no-such-option'/);
    assert.ok(stderr.endsWith(`\n\n${help.stdout}`));
  });
}

test('words that match no test are told in one line', () => {
  const { status, stderr } = run('scripts/test.js', 'no-such-file');
  assert.equal(status, 1);
  assert.equal(stderr.trim(), 'oxipc: no test file matches no-such-file');
});
