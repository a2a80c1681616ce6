'use strict';

const assert = require('node:assert/strict');
const { MAX_LENGTH } = require('node:buffer').constants;
const child_process = require('node:child_process');
const crypto = require('node:crypto');
const { setMaxListeners } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { describe, test } = require('node:test');
const { inspect, parseArgs } = require('node:util');

const validators = require('../../lib/internal/validators');
const { assertSameError } = require('../assert-same-error');
const { thrownBy } = require('./thrown-by');

const PLAIN = {};
const LIST = [];
const BYTES = Buffer.alloc(1);
const VALUES = [
  undefined,
  null,
  true,
  0,
  1,
  -1,
  1.5,
  NaN,
  '',
  'text',
  10n,
  Symbol('s'),
  () => {},
  PLAIN,
  LIST,
  BYTES,
];

// All values but those of some types and some single ones: what the original would accept, or treats beforehand.
const except = (types, values = []) =>
  VALUES.filter((value) => !types.includes(typeof value) && !values.includes(value));

// Each row: the check, its further arguments, the original, and the values that both must refuse alike.
const checks = [
  ['validateString', ['file'], (file) => child_process.spawn(file), except(['string'])],
  [
    'validateBoolean',
    ['options.detached'],
    (detached) => child_process.spawn('x', { detached }),
    except(['undefined', 'boolean'], [null]),
  ],
  [
    'validateFunction',
    ['options.lookup'],
    (lookup) => net.connect({ port: 1, host: 'name', lookup }),
    [true, 1, 'text', 10n, Symbol('s'), PLAIN, LIST],
  ],
  ['validateNumber', ['size', 0, MAX_LENGTH], (size) => Buffer.alloc(size), except([], [0, 1, 1.5])],
  ['validateNumber', ['setMaxListeners', 0], (n) => setMaxListeners(n), except(['undefined'], [0, 1, 1.5])],
  [
    'validateInteger',
    ['offset', 0],
    (offset) => fs.readSync(0, Buffer.alloc(1), offset, 1, null),
    except(['undefined', 'object'], [0, 1]),
  ],
  [
    'validateInt32',
    ['value', 1],
    (value) => net.setDefaultAutoSelectFamilyAttemptTimeout(value),
    except([], [1]),
  ],
  [
    'validateInt32',
    ['keylen', 0],
    (length) => crypto.pbkdf2Sync('', '', 1, length, 'sha1'),
    except([], [0, 1]),
  ],
  ['validateUint32', ['mask'], (mask) => process.umask(mask), except(['undefined', 'string'], [null, 0, 1])],
  [
    'validateObject',
    ['options'],
    (options) => child_process.spawn('x', [], options),
    except(['undefined'], [null, PLAIN, BYTES]),
  ],
  [
    'validateArray',
    ['args'],
    (args) => parseArgs({ args, strict: false }),
    except(['undefined'], [null, LIST]),
  ],
  [
    'validateOneOf',
    ['options.serialization', [undefined, 'json', 'advanced']],
    (serialization) => child_process.spawn('x', { serialization }),
    except(['undefined']),
  ],
  ['validateBuffer', [], (buffer) => fs.readSync(0, buffer), except([], [BYTES])],
  [
    'validateAbortSignal',
    ['options.signal'],
    (signal) => child_process.execFile('x', [], { signal }),
    except(['undefined']),
  ],
  ['validatePort', [], (port) => net.connect({ port, host: '127.0.0.1' }), [-1, 1.5, NaN, '', 'text']],
  [
    'validatePort',
    ['options.port'],
    (port) => net.createServer().listen({ port }),
    [-1, 1.5, NaN, '', 'text'],
  ],
];

for (const [name, args, original, values] of checks) {
  describe(`${name}(value, ${args.map((arg) => inspect(arg)).join(', ')})`, () => {
    for (const value of values) {
      test(`refuses ${inspect(value)} as Node does`, () => {
        assertSameError(
          thrownBy(() => validators[name](value, ...args)),
          thrownBy(() => original(value)),
        );
      });
    }
  });
}

const accepted = [
  ['validateString', ['', 'text'], ['name']],
  ['validateBoolean', [true, false], ['name']],
  ['validateFunction', [() => {}, class {}, async () => {}], ['name']],
  ['validateNumber', [0, -1, 1.5, NaN, Infinity], ['name']],
  ['validateNumber', [0, 5, 10], ['name', 0, 10]],
  ['validateInteger', [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER], ['name']],
  ['validateInt32', [0, -0, 2 ** 31 - 1, -(2 ** 31)], ['name']],
  ['validateUint32', [0, 2 ** 32 - 1], ['name']],
  ['validateUint32', [1], ['name', true]],
  ['validateObject', [{}, new Map(), Object.create(null)], ['name']],
  ['validateObject', [{}, null], ['name', { nullable: true }]],
  ['validateObject', [{}, []], ['name', { allowArray: true }]],
  ['validateObject', [{}, () => {}], ['name', { allowFunction: true }]],
  ['validateArray', [[], [1]], ['name']],
  ['validateArray', [[1]], ['name', 1]],
  ['validateOneOf', ['json', undefined], ['name', [undefined, 'json']]],
  ['validateBuffer', [Buffer.alloc(1), new Float64Array(1), new DataView(new ArrayBuffer(1))], []],
  ['validateAbortSignal', [undefined, new AbortController().signal, { aborted: false }], ['name']],
];

for (const [name, values, args] of accepted) {
  for (const value of values) {
    test(`${name} accepts ${inspect(value)} with (${args.map((arg) => inspect(arg)).join(', ')})`, () => {
      assert.equal(validators[name](value, ...args), undefined);
    });
  }
}

const refused = [
  [
    'validateNumber',
    11,
    ['name', undefined, 10],
    'The value of "name" is out of range. It must be <= 10. Received 11',
  ],
  [
    'validateNumber',
    NaN,
    ['name', 0, 10],
    'The value of "name" is out of range. It must be >= 0 && <= 10. Received NaN',
  ],
  [
    'validateUint32',
    0,
    ['name', true],
    'The value of "name" is out of range. It must be >= 1 && <= 4294967295. Received 0',
  ],
  [
    'validateUint32',
    2 ** 32,
    ['name'],
    'The value of "name" is out of range. It must be >= 0 && <= 4294967295. Received 4294967296',
  ],
  [
    'validateObject',
    [],
    ['name', { nullable: true, allowFunction: true }],
    'The "name" argument must be of type object. Received an instance of Array',
  ],
  [
    'validateObject',
    null,
    ['name', { allowArray: true, allowFunction: true }],
    'The "name" argument must be of type object. Received null',
  ],
  [
    'validateObject',
    Number,
    ['name', { nullable: true, allowArray: true }],
    'The "name" argument must be of type object. Received function Number',
  ],
  // Node 24 and before: 'must be longer than 1'.
  ['validateArray', [], ['name', 1], "The argument 'name' must have a length of at least 1. Received []"],
];

for (const [name, value, args, message] of refused) {
  test(`${name} refuses ${inspect(value)} with (${args.map((arg) => inspect(arg)).join(', ')})`, () => {
    assert.throws(() => validators[name](value, ...args), { message });
  });
}

describe('validatePort', () => {
  for (const port of [-1, 65536, 1e10, Infinity, '-1', '65536', '1.5', ' ', '0x10000', '80 81']) {
    test(`refuses ${inspect(port)} as Node does`, () => {
      assertSameError(
        thrownBy(() => validators.validatePort(port)),
        thrownBy(() => net.connect({ port, host: '127.0.0.1' })),
      );
    });
  }

  for (const [port, number] of [
    [0, 0],
    [-0, 0],
    ['0', 0],
    [65535, 65535],
    ['80', 80],
    [' 80 ', 80],
    ['0x50', 80],
    ['1e3', 1000],
  ]) {
    test(`returns ${number} for ${inspect(port)}`, () => {
      assert.equal(validators.validatePort(port), number);
    });
  }

  // Node 20 lets the string '0' pass.
  for (const port of [0, '0']) {
    test(`refuses ${inspect(port)} where zero is not allowed`, () => {
      const message = /^Port should be > 0 and < 65536\. Received type (number|string) \('?0'?\)\.$/;
      assert.throws(() => validators.validatePort(port, 'Port', false), {
        code: 'ERR_SOCKET_BAD_PORT',
        message,
      });
    });
  }
});

describe('validateEncoding', () => {
  for (const encoding of ['hex', 'HEX']) {
    test(`refuses half a byte of ${encoding} as Node does`, () => {
      assertSameError(
        thrownBy(() => validators.validateEncoding('abc', encoding)),
        thrownBy(() => fs.writeSync(1, 'abc', null, encoding)),
      );
    });
  }

  for (const [data, encoding] of [
    ['abcd', 'hex'],
    ['abc', 'utf8'],
    ['abc', undefined],
    ['abc', 'unheard of'],
  ]) {
    test(`accepts ${data} as ${encoding}`, () => {
      assert.equal(validators.validateEncoding(data, encoding), undefined);
    });
  }
});

describe('null bytes are refused as Node does', () => {
  test('in the file', () => {
    assertSameError(
      thrownBy(() => validators.validateArgumentNullCheck('x\0y', 'file')),
      thrownBy(() => child_process.spawn('x\0y')),
    );
  });

  test('in one of the arguments', () => {
    assertSameError(
      thrownBy(() => validators.validateArgumentsNullCheck(['a', 1, 'b\0'], 'args')),
      thrownBy(() => child_process.spawn('x', ['a', 1, 'b\0'])),
    );
  });

  test('in a string that may be no other type', () => {
    const { validateStringWithoutNullBytes } = validators;
    assert.throws(() => validateStringWithoutNullBytes(1, 'options.host'), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => validateStringWithoutNullBytes('a\0', 'options.host'), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: "The property 'options.host' must be a string without null bytes. Received 'a\\x00'",
    });
    assert.equal(validateStringWithoutNullBytes('a', 'options.host'), undefined);
  });
});

test('the stack of a refusal begins at the caller of the check', () => {
  const calls = [
    () => validators.validateString(1, 'name'),
    () => validators.validateInt32(1.5, 'name'),
    () => validators.validatePort('x'),
    () => validators.validateOneOf(1, 'name', [2]),
  ];
  for (const call of calls) {
    const [, firstFrame] = thrownBy(call).stack.split('\n    at ');
    assert.match(firstFrame, new RegExp(path.basename(__filename)));
  }
});
