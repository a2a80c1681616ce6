'use strict';

// Servers in workers of Node's cluster, Node's and ours.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');

const program = path.join(__dirname, 'programs', 'cluster.js');
const LIMIT_MS = 60_000;

function run(...args) {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, ...args], { timeout: LIMIT_MS }, (error, stdout) => {
      if (error) reject(new Error(`${error.message}\n${stdout}`));
      else resolve(stdout.trim().split('\n'));
    });
  });
}

for (const policy of ['turns', 'shared']) {
  test(`cluster workers share a listener of the primary process (${policy})`, async () => {
    const [nodes, ours] = await Promise.all([
      run('node:net', policy),
      run(path.join(__dirname, '../../../lib/net.js'), policy),
    ]);
    assert.deepEqual(ours, nodes);
    assert.equal(ours.filter((line) => line.startsWith('["exit"')).length, 2);
  });
}
