'use strict';

// The argument forms of connect() and listen().

const { sharedSymbol } = require('../internal/shared');

const normalizedArguments = sharedSymbol('normalizedArguments');

// Returns [options, callback or null], marked so that it can be passed on in place of the arguments.
function normalizeArguments(args) {
  const [first, second] = args;
  let options = {};
  if (typeof first === 'object' && first !== null) options = first;
  else if (isPath(first)) options.path = first;
  else if (args.length > 0) {
    options.port = first;
    if (args.length > 1 && typeof second === 'string') options.host = second;
  }

  const last = args.at(-1);
  const normalized = [options, typeof last === 'function' ? last : null];
  normalized[normalizedArguments] = true;
  return normalized;
}

function isNormalized(value) {
  return Array.isArray(value) && value[normalizedArguments] === true;
}

// A number of at least 0, or false.
function toNumber(value) {
  const number = Number(value);
  return number >= 0 ? number : false;
}

// '80' is a port, any other text a path.
function isPath(value) {
  return typeof value === 'string' && toNumber(value) === false;
}

module.exports = { normalizeArguments, isNormalized, toNumber, isPath };
