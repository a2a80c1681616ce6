'use strict';

// Runs a scenario with the original module and with ours and asserts that both have left the same log.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { assertSameError } = require('../assert-same-error');

/**
 * `scenario(module, log, t)` does the same with either module and calls `log(...facts)`; what it throws or rejects with is
 * logged too. Facts are plain data, Buffers and errors.
 */
function sideBySide(original, ours, name, scenario, options = {}) {
  test(name, options, async (t) => {
    const expected = await logOf(scenario, original, t);
    const actual = await logOf(scenario, ours, t);
    assert.notEqual(expected.length, 0, 'the scenario logged nothing');
    assertSame(actual, expected);
  });
}

async function logOf(scenario, module, t) {
  const entries = [];
  try {
    await scenario(module, (...facts) => entries.push(facts), t);
  } catch (error) {
    entries.push(['thrown', error]);
  }
  return entries;
}

function assertSame(ours, nodes) {
  if (nodes?.name === 'AbortError') {
    // Node's class is private, and so is ours.
    assert.deepEqual(describe(ours), describe(nodes));
  } else if (nodes instanceof Error) {
    assertSameError(ours, nodes);
  } else if (Array.isArray(nodes)) {
    assert.ok(Array.isArray(ours), 'an array');
    if (!nodes.some(holdsError)) assert.deepEqual(ours, nodes);
    assert.equal(ours.length, nodes.length);
    nodes.forEach((item, index) => assertSame(ours[index], item));
  } else {
    assert.deepEqual(ours, nodes);
  }
}

function describe({ name, message, code, cause }) {
  return { name, message, code, cause: cause instanceof Error ? String(cause) : cause };
}

function holdsError(value) {
  return value instanceof Error || (Array.isArray(value) && value.some(holdsError));
}

module.exports = { sideBySide };
