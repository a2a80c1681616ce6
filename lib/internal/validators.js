'use strict';

// Argument checks with Node's errors. Each throws with a stack that begins at its caller and returns nothing
// unless it says otherwise.

const {
  ERR_INVALID_ARG_TYPE,
  ERR_INVALID_ARG_VALUE,
  ERR_OUT_OF_RANGE,
  ERR_SOCKET_BAD_PORT,
} = require('./errors');
const { trimStack } = require('./node-error');

const INT32 = [-(2 ** 31), 2 ** 31 - 1];
const UINT32_MAX = 2 ** 32 - 1;
const PORT_MAX = 0xffff;

function validateString(value, name) {
  if (typeof value !== 'string') throw wrongType(validateString, name, 'string', value);
}

function validateBoolean(value, name) {
  if (typeof value !== 'boolean') throw wrongType(validateBoolean, name, 'boolean', value);
}

function validateFunction(value, name) {
  if (typeof value !== 'function') throw wrongType(validateFunction, name, 'Function', value);
}

function validateNumber(value, name, min, max) {
  if (typeof value !== 'number') throw wrongType(validateNumber, name, 'number', value);

  const hasMin = min !== undefined && min !== null;
  const hasMax = max !== undefined && max !== null;
  const isOutside =
    (hasMin && value < min) || (hasMax && value > max) || ((hasMin || hasMax) && Number.isNaN(value));
  if (isOutside) {
    const range = [hasMin && `>= ${min}`, hasMax && `<= ${max}`].filter(Boolean).join(' && ');
    throw outOfRange(validateNumber, name, range, value);
  }
}

function validateInteger(value, name, min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER) {
  checkInteger(validateInteger, value, name, min, max);
}

function validateInt32(value, name, min = INT32[0], max = INT32[1]) {
  checkInteger(validateInt32, value, name, min, max);
}

function validateUint32(value, name, positive = false) {
  checkInteger(validateUint32, value, name, positive ? 1 : 0, UINT32_MAX);
}

function checkInteger(validator, value, name, min, max) {
  if (typeof value !== 'number') throw wrongType(validator, name, 'number', value);
  if (!Number.isInteger(value)) throw outOfRange(validator, name, 'an integer', value);
  if (value < min || value > max) throw outOfRange(validator, name, `>= ${min} && <= ${max}`, value);
}

function validateObject(value, name, { nullable = false, allowArray = false, allowFunction = false } = {}) {
  const isAllowed =
    (value === null && nullable) ||
    (typeof value === 'object' && value !== null && (allowArray || !Array.isArray(value))) ||
    (typeof value === 'function' && allowFunction);
  if (!isAllowed) throw wrongType(validateObject, name, 'Object', value);
}

function validateArray(value, name, minLength = 0) {
  if (!Array.isArray(value)) throw wrongType(validateArray, name, 'Array', value);
  if (value.length < minLength) {
    throw wrongValue(validateArray, name, value, `must have a length of at least ${minLength}`);
  }
}

function validateOneOf(value, name, allowed) {
  if (allowed.includes(value)) return;
  const list = allowed.map((item) => (typeof item === 'string' ? `'${item}'` : String(item))).join(', ');
  throw wrongValue(validateOneOf, name, value, `must be one of: ${list}`);
}

function validateBuffer(value, name = 'buffer') {
  if (!ArrayBuffer.isView(value)) {
    throw wrongType(validateBuffer, name, ['Buffer', 'TypedArray', 'DataView'], value);
  }
}

// Half a byte of hex is the only combination of text and encoding that Node refuses.
function validateEncoding(data, encoding) {
  if (String(encoding).toLowerCase() === 'hex' && data.length % 2 !== 0) {
    throw wrongValue(validateEncoding, 'encoding', encoding, `is invalid for data of length ${data.length}`);
  }
}

// Duck-typed as in Node: signals of polyfills and of other realms count.
function validateAbortSignal(signal, name) {
  const isAllowed =
    signal === undefined || (typeof signal === 'object' && signal !== null && 'aborted' in signal);
  if (!isAllowed) throw wrongType(validateAbortSignal, name, 'AbortSignal', signal);
}

// Returns the port as a number.
function validatePort(port, name = 'Port', allowZero = true) {
  const isNumeric = typeof port === 'number' || (typeof port === 'string' && port.trim() !== '');
  const number = isNumeric ? Number(port) : NaN;
  if (number !== number >>> 0 || number > PORT_MAX || (number === 0 && !allowZero)) {
    throw trimStack(new ERR_SOCKET_BAD_PORT(name, port, allowZero), validatePort);
  }
  return number >>> 0;
}

// A null byte would silently cut the string short at the system call. Other types pass: they are checked elsewhere.
function validateArgumentNullCheck(value, name) {
  if (typeof value === 'string' && value.includes('\0')) {
    throw wrongValue(validateArgumentNullCheck, name, value, 'must be a string without null bytes');
  }
}

function validateArgumentsNullCheck(values, name) {
  for (let index = 0; index < values.length; index++)
    validateArgumentNullCheck(values[index], `${name}[${index}]`);
}

function validateStringWithoutNullBytes(value, name) {
  validateString(value, name);
  validateArgumentNullCheck(value, name);
}

function wrongType(validator, name, expected, value) {
  return trimStack(new ERR_INVALID_ARG_TYPE(name, expected, value), validator);
}

function wrongValue(validator, name, value, reason) {
  return trimStack(new ERR_INVALID_ARG_VALUE(name, value, reason), validator);
}

function outOfRange(validator, name, range, value) {
  return trimStack(new ERR_OUT_OF_RANGE(name, range, value), validator);
}

module.exports = {
  validateString,
  validateBoolean,
  validateFunction,
  validateNumber,
  validateInteger,
  validateInt32,
  validateUint32,
  validateObject,
  validateArray,
  validateOneOf,
  validateBuffer,
  validateEncoding,
  validateAbortSignal,
  validatePort,
  validateArgumentNullCheck,
  validateArgumentsNullCheck,
  validateStringWithoutNullBytes,
};
