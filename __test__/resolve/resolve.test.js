'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const test = require('node:test');
const manifest = require('../../package.json');

const root = path.join(__dirname, '..', '..');
const modules = {
  oxipc: 'index.js',
  'oxipc/child_process': 'lib/child_process.js',
  'oxipc/net': 'lib/net.js',
  'oxipc/amqplib': 'lib/amqplib.js',
  'oxipc/amqplib/callback_api': 'lib/amqplib/callback-api.js',
  'oxipc/broker': 'lib/broker.js',
};

for (const [specifier, file] of Object.entries(modules)) {
  test(`require('${specifier}') is ${file}`, () => {
    assert.equal(require.resolve(specifier), path.join(root, file));
    assert.ok(Object.keys(require(specifier)).length > 0);
  });

  test(`import '${specifier}' has every export by name, and the module as default`, async () => {
    const namespace = await import(specifier);
    const original = require(specifier);
    assert.equal(namespace.default, original);
    for (const name of Object.keys(original)) assert.equal(namespace[name], original[name], name);
  });
}

test('every entry of package.json exports is tested here or is the register or package.json', () => {
  const entries = Object.keys(manifest.exports).map((entry) => path.posix.join('oxipc', entry));
  assert.deepEqual(entries.sort(), [...Object.keys(modules), 'oxipc/package.json', 'oxipc/register'].sort());
});

test('the root has every function of oxipc/child_process', () => {
  const { _forkChild, ...functions } = require('oxipc/child_process');
  for (const [name, value] of Object.entries(functions)) assert.equal(require('oxipc')[name], value, name);
});

test('what exports does not name stays inside', () => {
  assert.throws(() => require('oxipc/lib/native.js'), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' });
});
