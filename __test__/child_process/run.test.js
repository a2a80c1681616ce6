'use strict';

const assert = require('node:assert/strict');
const diagnosticsChannel = require('node:diagnostics_channel');
const { test } = require('node:test');

const { run } = require('../../lib/child_process');
require('../support/end-children');

test('run refuses wrong options before it starts anything', () => {
  const children = [];
  const note = ({ process: child }) => children.push(child);
  diagnosticsChannel.subscribe('child_process', note);
  for (const [options, code] of [
    [{ encoding: 'foo' }, 'ERR_UNKNOWN_ENCODING'],
    [{ encoding: 5 }, 'ERR_UNKNOWN_ENCODING'],
    [{ input: 5 }, 'ERR_INVALID_ARG_TYPE'],
    [{ input: {} }, 'ERR_INVALID_ARG_TYPE'],
    [{ timeout: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ timeout: 'abc' }, /^ERR_(OUT_OF_RANGE|INVALID_ARG_TYPE)$/],
    [{ signal: 5 }, 'ERR_INVALID_ARG_TYPE'],
    [{ killSignal: 'SIGNONE' }, 'ERR_UNKNOWN_SIGNAL'],
    ['options', 'ERR_INVALID_ARG_TYPE'],
  ]) {
    assert.throws(() => run('cat', [], options), { code });
    assert.throws(() => run('oxipc-missing', options), { code });
  }
  diagnosticsChannel.unsubscribe('child_process', note);
  assert.deepEqual(children, []);
});

test('run takes an undefined option as the default', async () => {
  const options = {
    encoding: undefined,
    maxBuffer: undefined,
    reject: undefined,
    stripFinalNewline: undefined,
  };
  assert.equal((await run('echo', ['text'], options)).stdout, 'text');
});

test('run takes every kind of bytes as input', async () => {
  const bytes = new Uint8Array([0, 97, 98, 99]);
  const view = new DataView(bytes.buffer, 1, 3);
  assert.equal((await run('cat', { input: view })).stdout, 'abc');
});
