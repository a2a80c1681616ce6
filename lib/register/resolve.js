'use strict';

// The hook that gives `import` ours.

const fs = require('node:fs');
const path = require('node:path');
const { fileURLToPath, pathToFileURL } = require('node:url');
const { facadeSource } = require('./builtins');
const { INSTALLED, isOurs } = require('./modules');

// Before Node 24 a loader that brings the source of CommonJS modules (tsx and its like) makes their require() look like an
// import here. A facade is no answer to require(); what only an ES module can be asked by is.
const REQUIRE_LOOKS_LIKE_IMPORT = Number.parseInt(process.versions.node, 10) < 24;

function fileOf(url) {
  return url?.startsWith('file:') ? fileURLToPath(url) : null;
}

function mayBeCommonJs(file) {
  if (!REQUIRE_LOOKS_LIKE_IMPORT || file === null) return false;
  const extension = path.extname(file);
  if (extension === '.mjs' || extension === '.mts') return false;
  return extension === '.cjs' || extension === '.cts' || packageType(path.dirname(file)) !== 'module';
}

function packageType(folder) {
  for (;;) {
    try {
      return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).type;
    } catch {}
    const parent = path.dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}

/**
 * One shape for both kinds of hooks: theirs differ only in whether `nextResolve` returns a promise. `capture` is called for a
 * builtin that an ES module links to, where the hooks are in the same thread.
 */
function createResolve(substitutes, capture = () => {}) {
  return function resolve(specifier, context, nextResolve) {
    const substitute = substitutes.get(specifier);
    // A require() has got ours from Module._load by now; left are require.resolve() and its kin.
    if (substitute === undefined || context.conditions.includes('require')) {
      return nextResolve(specifier, context);
    }
    const parent = fileOf(context.parentURL);
    if (isOurs(parent)) return nextResolve(specifier, context);
    if (substitute.builtin && !mayBeCommonJs(parent)) {
      capture(substitute);
      // A URL that holds its own source: a hook for loading would change how Node loads every other module too.
      const source = encodeURIComponent(facadeSource(substitute, INSTALLED));
      return { url: `data:text/javascript,${source}`, format: 'module', shortCircuit: true };
    }
    return { url: pathToFileURL(substitute.file).href, format: 'commonjs', shortCircuit: true };
  };
}

module.exports = { createResolve };
