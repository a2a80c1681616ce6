'use strict';

// Node's wording of the ERR_* messages that are more than a template. The sentences are the contract: programs
// match on them, so they stay word for word those of Node 26.

const { inspect } = require('node:util');

const PRIMITIVES = new Set([
  'string',
  'function',
  'number',
  'object',
  'Function',
  'Object',
  'boolean',
  'bigint',
  'symbol',
]);
const CLASS_NAME = /^[A-Z][a-zA-Z0-9]*$/;

const MAX_RECEIVED_STRING = 28;
const MAX_RECEIVED_VALUE = 128;
const SEPARATE_ABOVE = 2 ** 32;

function invalidArgType(name, expected, actual) {
  const label = name.endsWith(' argument') ? name : `"${name}" ${propertyOrArgument(name)}`;
  return `The ${label} must be ${describeExpected([expected].flat())}. Received ${describeReceived(actual)}`;
}

function invalidArgValue(name, value, reason = 'is invalid') {
  return `The ${propertyOrArgument(name)} '${name}' ${reason}. Received ${shorten(inspect(value), MAX_RECEIVED_VALUE, MAX_RECEIVED_VALUE)}`;
}

function outOfRange(name, range, received) {
  return `The value of "${name}" is out of range. It must be ${range}. Received ${describeNumber(received)}`;
}

function missingArgs(...names) {
  const quoted = names.map((name) =>
    [name]
      .flat()
      .map((alternative) => `"${alternative}"`)
      .join(' or '),
  );
  return `The ${joinList(quoted, 'and')} argument${names.length > 1 ? 's' : ''} must be specified`;
}

function socketBadPort(name, port, allowZero = true) {
  return `${name} should be ${allowZero ? '>=' : '>'} 0 and < 65536. Received ${describeReceived(port)}.`;
}

function propertyOrArgument(name) {
  return name.includes('.') ? 'property' : 'argument';
}

// 'of type string or an instance of URL or one of …': three groups, in this order.
function describeExpected(expected) {
  const types = expected.filter((name) => PRIMITIVES.has(name)).map((name) => name.toLowerCase());
  const instances = expected.filter((name) => !PRIMITIVES.has(name) && CLASS_NAME.test(name));
  const others = expected.filter((name) => !PRIMITIVES.has(name) && !CLASS_NAME.test(name));

  // Beside other classes, 'object' reads as one more class.
  if (instances.length > 0 && types.includes('object')) {
    types.splice(types.indexOf('object'), 1);
    instances.push('Object');
  }

  return [describeTypes(types), describeInstances(instances), describeOthers(others)]
    .filter(Boolean)
    .join(' or ');
}

function describeTypes(types) {
  return types.length > 0 && `${types.length > 1 ? 'one of type' : 'of type'} ${joinList(types, 'or')}`;
}

function describeInstances(instances) {
  return instances.length > 0 && `an instance of ${joinList(instances, 'or')}`;
}

function describeOthers(others) {
  if (others.length > 1) return `one of ${joinList(others, 'or')}`;
  return others.length === 1 && (/[A-Z]/.test(others[0]) ? `an ${others[0]}` : others[0]);
}

function describeReceived(value) {
  if (value === null || value === undefined) return String(value);

  switch (typeof value) {
    case 'function':
      return `function ${value.name}`;
    case 'object':
      return describeObject(value);
    case 'string':
      return `type string (${quote(shorten(value, MAX_RECEIVED_STRING, MAX_RECEIVED_STRING - 3))})`;
    case 'bigint':
      return `type bigint (${value}n)`;
    default:
      return `type ${typeof value} (${Object.is(value, -0) ? '-0' : String(value)})`;
  }
}

function describeObject(value) {
  // `constructor` is the caller's: anything, possibly an accessor, so it is read once.
  const name = value.constructor?.name;
  return typeof name === 'string' && name !== '' ? `an instance of ${name}` : inspect(value, { depth: -1 });
}

function describeNumber(value) {
  const isBig = typeof value === 'bigint';
  if (!isBig && !Number.isInteger(value)) return inspect(value);

  const separated = value > SEPARATE_ABOVE || value < -SEPARATE_ABOVE;
  const digits = isBig || separated ? String(value) : inspect(value);
  return `${separated ? separateThousands(digits) : digits}${isBig ? 'n' : ''}`;
}

// By characters, not by digits: Node prints 1e21 as '1e_+21'.
function separateThousands(digits) {
  const firstDigit = digits.startsWith('-') ? 1 : 0;
  const groups = [];
  let end = digits.length;
  for (; end > firstDigit + 3; end -= 3) groups.unshift(digits.slice(end - 3, end));
  return [digits.slice(0, end), ...groups].join('_');
}

function quote(text) {
  return text.includes("'") ? JSON.stringify(text) : `'${text}'`;
}

function shorten(text, limit, kept) {
  return text.length > limit ? `${text.slice(0, kept)}...` : text;
}

function joinList(items, conjunction) {
  if (items.length < 3) return items.join(` ${conjunction} `);
  return `${items.slice(0, -1).join(', ')}, ${conjunction} ${items.at(-1)}`;
}

module.exports = { invalidArgType, invalidArgValue, outOfRange, missingArgs, socketBadPort };
