'use strict';

const child_process = require('node:child_process');
const net = require('node:net');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');

const errors = require('../../lib/internal/errors');
const { assertSameError } = require('../assert-same-error');
const { sendToChild } = require('./idle-child');
const { thrownBy } = require('./thrown-by');

describe('the text about a wrong type', () => {
  class Named {}
  const anonymous = Object.create({ constructor: undefined });
  const values = [
    undefined,
    null,
    true,
    0,
    -0,
    NaN,
    Infinity,
    -Infinity,
    1.5,
    123456789,
    10n,
    Symbol('s'),
    '',
    'short',
    "it's",
    'x'.repeat(28),
    'x'.repeat(29),
    `'${'"'.repeat(40)}`,
    () => {},
    function named() {},
    Named,
    new Named(),
    {},
    Object.create(null),
    anonymous,
    [1],
    new Map(),
    Buffer.from('x'),
    new Date(0),
  ];

  for (const value of values.filter((candidate) => typeof candidate !== 'string')) {
    test(`names ${inspect(value)} as Node does`, () => {
      const nodes = thrownBy(() => child_process.spawn(value));
      assertSameError(new errors.ERR_INVALID_ARG_TYPE('file', 'string', value), nodes);
    });
  }

  for (const value of values.filter((candidate) => typeof candidate === 'string')) {
    test(`names the string ${inspect(value)} as Node does`, () => {
      const nodes = thrownBy(() => child_process.spawn('x', { detached: value }));
      assertSameError(new errors.ERR_INVALID_ARG_TYPE('options.detached', 'boolean', value), nodes);
    });
  }

  const expectations = [
    ['args', 'object', () => child_process.spawn('x', 1)],
    ['options', 'Object', () => child_process.spawn('x', [], 1)],
    [
      'options.killSignal',
      ['string', 'number'],
      () => child_process.spawnSync('x', { killSignal: true }),
      true,
    ],
    ['options.cwd', ['string', 'Buffer', 'URL'], () => child_process.spawn('x', { cwd: 1 })],
    [
      'options.stdio[0]',
      ['Buffer', 'TypedArray', 'DataView', 'string'],
      () => child_process.spawnSync('x', { input: 1 }),
    ],
    ['chunk', ['string', 'Buffer', 'TypedArray', 'DataView'], () => new net.Socket().write(1)],
    ['message', ['string', 'object', 'number', 'boolean'], () => sendToChild(1n), 1n],
  ];

  for (const [name, expected, provoke, value = 1] of expectations) {
    test(`lists ${inspect(expected)} for ${name} as Node does`, () => {
      assertSameError(new errors.ERR_INVALID_ARG_TYPE(name, expected, value), thrownBy(provoke));
    });
  }
});

describe('the text about a number out of range', () => {
  for (const value of [
    0,
    -0,
    -1,
    1.5,
    NaN,
    Infinity,
    2 ** 31,
    2 ** 32,
    2 ** 32 + 1,
    -(2 ** 33),
    2 ** 53 - 1,
    1e21,
  ]) {
    test(`prints ${inspect(value)} as Node does`, () => {
      const range = Number.isInteger(value) ? '>= 1 && <= 2147483647' : 'an integer';
      const nodes = thrownBy(() => net.setDefaultAutoSelectFamilyAttemptTimeout(value));
      assertSameError(new errors.ERR_OUT_OF_RANGE('value', range, value), nodes);
    });
  }

  for (const value of [2n ** 63n, -(2n ** 64n)]) {
    test(`prints ${value}n as Node does`, () => {
      const nodes = thrownBy(() => Buffer.alloc(8).writeBigInt64LE(value));
      assertSameError(new errors.ERR_OUT_OF_RANGE('value', '>= -(2n ** 63n) and < 2n ** 63n', value), nodes);
    });
  }
});
