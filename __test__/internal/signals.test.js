'use strict';

const assert = require('node:assert/strict');
const child_process = require('node:child_process');
const { test } = require('node:test');
const { inspect } = require('node:util');

const { convertToValidSignal, validateSignalName } = require('../../lib/internal/signals');
const { assertSameError } = require('../assert-same-error');
const { thrownBy } = require('./thrown-by');

for (const signal of ['', 'TERM', 'SIGNONE', 'toString', 0, -1, 999, 1.5, NaN]) {
  test(`the signal ${inspect(signal)} is unknown as in Node`, () => {
    assertSameError(
      thrownBy(() => convertToValidSignal(signal)),
      thrownBy(() => child_process.spawnSync('x', { killSignal: signal })),
    );
  });
}

for (const [signal, number] of [
  ['SIGTERM', 15],
  ['sigterm', 15],
  ['SigKill', 9],
  [1, 1],
  [9, 9],
]) {
  test(`the signal ${inspect(signal)} has the number ${number}`, () => {
    assert.equal(convertToValidSignal(signal), number);
  });
}

test('a signal name in small letters is refused with a hint', () => {
  assert.throws(() => validateSignalName('sigterm'), {
    code: 'ERR_UNKNOWN_SIGNAL',
    message: 'Unknown signal: sigterm (signals must use all capital letters)',
  });
});

test('a signal name must be a known string', () => {
  assert.equal(validateSignalName('SIGTERM'), undefined);
  assert.throws(() => validateSignalName('SIGNONE'), { message: 'Unknown signal: SIGNONE' });
  assert.throws(() => validateSignalName(15, 'options.signal'), {
    code: 'ERR_INVALID_ARG_TYPE',
    message: 'The "options.signal" property must be of type string. Received type number (15)',
  });
});
