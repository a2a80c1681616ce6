'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { promisify } = require('node:util');

const nodes = require('node:child_process');
const ours = require('../../../lib/child_process');
const { compareCall, scriptOf } = require('./compare');

test('every export of node is here, with its name and its number of parameters', () => {
  for (const [name, value] of Object.entries(nodes)) {
    assert.equal(typeof ours[name], typeof value, name);
    assert.equal(ours[name].name, value.name, name);
    assert.equal(ours[name].length, value.length, name);
  }
});

const BEYOND_NODE = ['killTree', 'resourceUsage', 'run', 'RunError', 'setDieWithParent'];

const isNode20 = process.versions.node.startsWith('20.') && 'node 20 gives them no name';

test('the promisified forms have the names of the functions', { skip: isNode20 }, () => {
  for (const name of ['exec', 'execFile']) {
    assert.equal(promisify(ours[name]).name, promisify(nodes[name]).name);
    assert.deepEqual(
      Object.getOwnPropertyDescriptor(ours[name], promisify.custom).enumerable,
      Object.getOwnPropertyDescriptor(nodes[name], promisify.custom).enumerable,
    );
  }
});

test('named and default imports work', async () => {
  const module = await import('../../../lib/child_process.js');
  for (const name of [...Object.keys(nodes), ...BEYOND_NODE]) assert.equal(module[name], ours[name], name);
  assert.equal(module.default, ours);
});

compareCall(
  'ChildProcess can be derived from, old style and new style, and used by itself',
  scriptOf(`
    function Old() { cp.ChildProcess.call(this); }
    require('util').inherits(Old, cp.ChildProcess);
    class New extends cp.ChildProcess {}
    const kinds = [Old, New, cp.ChildProcess];
    (function next() {
      const Kind = kinds.shift();
      if (!Kind) return;
      const child = new Kind();
      child.on('exit', (...a) => next(console.log(Kind.name, a, child instanceof cp.ChildProcess)));
      child.spawn({ file: 'sh', args: ['sh', '-c', 'exit 2'], stdio: 'ignore' });
    })();`),
);
