'use strict';

const assert = require('node:assert/strict');
const child_process = require('node:child_process');
const { describe, test } = require('node:test');
const { parse, pathToFileURL } = require('node:url');
const { inspect } = require('node:util');

const { getValidatedPath } = require('../../lib/internal/file-path');
const { assertSameError } = require('../assert-same-error');
const { thrownBy } = require('./thrown-by');

const refused = [
  1,
  true,
  {},
  [],
  () => {},
  new Uint16Array(1),
  '/a\0b',
  Buffer.from('/a\0b'),
  new URL('http://host/x'),
  new URL('file://host/x'),
  new URL('file:///a%2fb'),
  new URL('file:///a%00b'),
  { href: 'http://host/x', protocol: 'http:' },
  parse('file:///a'),
];

describe('as working directory', () => {
  for (const cwd of refused) {
    test(`${inspect(cwd, { depth: 0, breakLength: Infinity })} is refused as Node does`, () => {
      const nodes = thrownBy(() => child_process.spawn('x', { cwd }));
      assertSameError(
        thrownBy(() => getValidatedPath(cwd, 'options.cwd')),
        nodes,
      );
    });
  }
});

test('strings and bytes are returned as they are', () => {
  const bytes = new Uint8Array([47, 97]);
  assert.equal(getValidatedPath('/a b'), '/a b');
  assert.equal(getValidatedPath('file:///a'), 'file:///a');
  assert.equal(getValidatedPath(''), '');
  assert.equal(getValidatedPath(bytes), bytes);
});

test('file URLs become paths', () => {
  assert.equal(getValidatedPath(pathToFileURL('/a b/ü?')), '/a b/ü?');
  assert.equal(getValidatedPath(new URL('file://localhost/a')), '/a');
});

test('objects that look like a file URL count as one', () => {
  assert.equal(
    getValidatedPath({ href: 'file:///a', protocol: 'file:', hostname: '', pathname: '/a' }),
    '/a',
  );
});
