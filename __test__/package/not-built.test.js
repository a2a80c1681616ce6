'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const ROOT = path.join(__dirname, '..', '..');

/** A copy of what loads the addon, without one. */
function unbuilt(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-unbuilt-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  fs.mkdirSync(path.join(folder, 'lib'));
  for (const file of ['native.js', 'binding.js']) {
    fs.copyFileSync(path.join(ROOT, 'lib', file), path.join(folder, 'lib', file));
  }
  return folder;
}

test('a clone that is not built says so, and how to build it', (t) => {
  const folder = unbuilt(t);
  fs.writeFileSync(path.join(folder, 'Cargo.toml'), '');
  assert.throws(
    () => require(path.join(folder, 'lib', 'native.js')),
    ({ message, cause }) => {
      assert.match(message, new RegExp(`not built for ${process.platform}-${process.arch}`));
      assert.ok(message.endsWith(`\`npm run build\` in ${folder} builds it`), message);
      assert.match(cause.message, /Cannot find module/);
      return true;
    },
  );
});

test('a package without the addon of its platform says what was left out', (t) => {
  const folder = unbuilt(t);
  assert.throws(
    () => require(path.join(folder, 'lib', 'native.js')),
    /without omitting optional dependencies$/,
  );
});
