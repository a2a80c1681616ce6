'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const path = require('node:path');
const test = require('node:test');

const fixture = (name) => path.join(__dirname, 'fixtures', name);

function run(args) {
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', cwd: __dirname }));
}

function assertAllOurs({ others, ...modules }) {
  assert.equal(others, true);
  for (const [name, answers] of Object.entries(modules)) {
    assert.deepEqual(answers, { required: true, imported: true, namedImports: true }, name);
  }
}

for (const flag of ['--import', '--require']) {
  test(`node ${flag} oxipc/register: require and import get ours`, () => {
    assertAllOurs(run([flag, 'oxipc/register', fixture('compare.cjs')]));
  });

  test(`node ${flag} oxipc/register: static named imports get ours`, () => {
    assert.deepEqual(run([flag, 'oxipc/register', fixture('static-imports.mjs')]), [
      true,
      true,
      true,
      true,
      true,
    ]);
  });

  test(`node ${flag} oxipc/register: a worker thread gets ours`, () => {
    assertAllOurs(run([flag, 'oxipc/register', fixture('worker.cjs')]));
  });
}

test('without the register the originals stay', () => {
  const { others, ...modules } = run([fixture('compare.cjs')]);
  for (const [name, answers] of Object.entries(modules)) {
    assert.deepEqual(
      { required: answers.required, imported: answers.imported },
      { required: false, imported: false },
      name,
    );
  }
});

test('registering twice changes nothing', () => {
  assertAllOurs(run(['--require', 'oxipc/register', '--import', 'oxipc/register', fixture('compare.cjs')]));
});
