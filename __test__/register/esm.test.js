'use strict';

// ES modules under the register, beside Node's own modules in the same program.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const path = require('node:path');
const test = require('node:test');

const fixture = (name) => path.join(__dirname, 'fixtures', name);

function run(...args) {
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', cwd: __dirname }));
}

for (const flag of ['--import', '--require']) {
  test(`${flag}: names, live bindings and syncBuiltinESMExports() are as with Node's`, () => {
    const ours = run(flag, 'oxipc/register', fixture('live-bindings.mjs'));
    assert.deepEqual(ours, run(fixture('live-bindings.mjs')));
    assert.deepEqual(ours.afterSync.slice(0, 3), [true, true, true]);
  });

  test(`${flag}: what is required first is what an ES module sees until it is brought up to date`, () => {
    assert.deepEqual(run(flag, 'oxipc/register', fixture('first-load.cjs')), run(fixture('first-load.cjs')));
  });
}
