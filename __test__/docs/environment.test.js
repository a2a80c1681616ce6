'use strict';

// docs/environment.md names every variable that the sources read or set, and no other.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const root = path.join(__dirname, '..', '..');
const SOURCES = ['lib', 'src', 'bin', 'scripts', path.join('__test__', 'support')];

function namesIn(text) {
  return new Set(text.match(/(?<![A-Z_])OXIPC_[A-Z_]+/g));
}

function namesBelow(folder) {
  const files = fs
    .readdirSync(path.join(root, folder), { recursive: true })
    .filter((name) => /\.([cm]?js|rs)$/.test(name) && !name.includes('node_modules'));
  return files.flatMap((name) => [...namesIn(fs.readFileSync(path.join(root, folder, name), 'utf8'))]);
}

test('docs/environment.md is complete', () => {
  const used = new Set(SOURCES.flatMap(namesBelow));
  const documented = namesIn(fs.readFileSync(path.join(root, 'docs', 'environment.md'), 'utf8'));
  assert.deepEqual([...documented].sort(), [...used].sort());
});
