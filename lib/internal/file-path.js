'use strict';

const { fileURLToPath } = require('node:url');
const { isUint8Array } = require('node:util/types');

const { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE } = require('./errors');
const { trimStack } = require('./node-error');

// Returns the path that a string, a Buffer or a `file:` URL stands for. Wrong schemes, hosts and escapes of a URL
// are refused by Node's own conversion.
function getValidatedPath(fileURLOrPath, name = 'path') {
  const path = isURL(fileURLOrPath) ? fileURLToPath(fileURLOrPath) : fileURLOrPath;
  if (typeof path !== 'string' && !isUint8Array(path)) {
    throw trimStack(new ERR_INVALID_ARG_TYPE(name, ['string', 'Buffer', 'URL'], path), getValidatedPath);
  }
  if (path.includes(typeof path === 'string' ? '\0' : 0)) {
    const reason = 'must be a string, Uint8Array, or URL without null bytes';
    throw trimStack(new ERR_INVALID_ARG_VALUE(name, path, reason), getValidatedPath);
  }
  return path;
}

// Duck-typed as in Node: URLs of other realms count, the objects of the legacy url.parse() (`auth`, `path`) do not.
function isURL(value) {
  return Boolean(value?.href && value.protocol && value.auth === undefined && value.path === undefined);
}

module.exports = { getValidatedPath };
