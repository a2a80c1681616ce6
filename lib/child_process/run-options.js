'use strict';

// Options of run(): defaults, and checks before there is a child that a wrong one would leave running.

const { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_ENCODING } = require('../internal/errors');
const { validateAbortSignal, validateBoolean, validateObject } = require('../internal/validators');
const { validateOwnOptions } = require('./own-options');
const { sanitizeKillSignal, validateMaxBuffer, validateTimeout } = require('./spawn-options');

/** Bytes kept of each output, unless `maxBuffer` says otherwise. */
const MAX_BUFFER = 100_000_000;

function normalizeRunOptions(given) {
  if (given != null) validateObject(given, 'options');
  const options = { ...given };
  const { encoding = 'utf8', reject = true, stripFinalNewline = true } = options;
  validateTimeout(options.timeout);
  validateMaxBuffer(options.maxBuffer);
  if (options.oxipc !== undefined) {
    throw new ERR_INVALID_ARG_VALUE(
      'options.oxipc',
      options.oxipc,
      'is for the functions of Node; run() takes these itself',
    );
  }
  validateOwnOptions(options, 'options');
  validateAbortSignal(options.signal, 'options.signal');
  validateBoolean(reject, 'options.reject');
  validateEncoding(encoding);
  validateInput(options.input);
  return {
    ...options,
    encoding: encoding === 'buffer' ? null : encoding,
    // Whether a limit of the output was asked for: a loop over the lines knows no other.
    isLimited: options.maxBuffer != null || options.onMaxBuffer !== undefined,
    killSignal: sanitizeKillSignal(options.killSignal),
    maxBuffer: options.maxBuffer ?? MAX_BUFFER,
    reject,
    stripFinalNewline,
  };
}

function validateEncoding(encoding) {
  if (encoding === null || encoding === 'buffer' || Buffer.isEncoding(encoding)) return;
  throw new ERR_UNKNOWN_ENCODING(encoding);
}

function validateInput(input) {
  const isAllowed =
    input == null ||
    typeof input === 'string' ||
    ArrayBuffer.isView(input) ||
    typeof input[Symbol.asyncIterator] === 'function' ||
    typeof input[Symbol.iterator] === 'function';
  if (isAllowed) return;
  throw new ERR_INVALID_ARG_TYPE(
    'options.input',
    ['string', 'Buffer', 'TypedArray', 'DataView', 'Iterable', 'AsyncIterable'],
    input,
  );
}

module.exports = { normalizeRunOptions };
