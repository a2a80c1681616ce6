'use strict';

const { fileURLToPath, pathToFileURL } = require('node:url');
const { isOurs, substituteFor } = require('./substitutes');

function fileOf(url) {
  return url?.startsWith('file:') ? fileURLToPath(url) : null;
}

// One shape for both kinds of hooks: theirs differ only in whether `nextResolve` returns a promise.
function resolve(specifier, context, nextResolve) {
  const file = isOurs(fileOf(context.parentURL)) ? null : substituteFor(specifier);
  if (file === null) return nextResolve(specifier, context);
  return { url: pathToFileURL(file).href, format: 'commonjs', shortCircuit: true };
}

module.exports = { resolve: async (...args) => resolve(...args), resolveSync: resolve };
