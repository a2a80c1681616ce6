'use strict';

const assert = require('node:assert/strict');
const { inspect } = require('node:util');

// Asserts that a program cannot tell our error from Node's: class, texts, own properties with their order and
// attributes, first line of the stack, what util.inspect() shows. `assert.deepStrictEqual` alone is no help: Node 20
// tells prototypes apart that look the same, Node 22 and later ignore attributes.
function assertSameError(ours, nodes) {
  assert.ok(ours instanceof Error, `not an error: ${inspect(ours)}`);
  assert.ok(nodes instanceof Error, `not an error: ${inspect(nodes)}`);
  assert.equal(ours.message, nodes.message);
  assert.equal(ours.code, nodes.code);
  assert.equal(ours.constructor, nodes.constructor);
  assert.equal(Object.prototype.toString.call(ours), Object.prototype.toString.call(nodes));
  assert.equal(ours.name, nodes.name);
  assert.equal(String(ours), String(nodes));
  assert.equal(stackHeader(ours), stackHeader(nodes));
  assert.deepEqual(Reflect.ownKeys(ours), Reflect.ownKeys(nodes));
  for (const key of Reflect.ownKeys(nodes)) assertSameProperty(ours, nodes, key);
  assert.equal(inspectWithoutFrames(ours), inspectWithoutFrames(nodes));
}

function assertSameProperty(ours, nodes, key) {
  const expected = Object.getOwnPropertyDescriptor(nodes, key);
  const actual = Object.getOwnPropertyDescriptor(ours, key);
  assert.equal(actual.enumerable, expected.enumerable, `enumerable: ${String(key)}`);
  assert.equal(actual.configurable, expected.configurable, `configurable: ${String(key)}`);
  if (key !== 'stack') {
    assert.equal(actual.writable, expected.writable, `writable: ${String(key)}`);
    assertSameValue(ours[key], nodes[key]);
  }
}

function assertSameValue(ours, nodes) {
  if (Array.isArray(nodes) && nodes.some((item) => item instanceof Error)) {
    assert.equal(ours.length, nodes.length);
    nodes.forEach((item, index) => assertSameValue(ours[index], item));
  } else if (nodes instanceof Error && ours !== nodes) {
    assertSameError(ours, nodes);
  } else {
    assert.deepEqual(ours, nodes);
  }
}

function stackHeader(error) {
  return error.stack.split('\n    at ')[0];
}

function inspectWithoutFrames(error) {
  return inspect(error).replace(/\n *at .*(?= \{$)|\n *at .*/gm, '');
}

module.exports = { assertSameError };
