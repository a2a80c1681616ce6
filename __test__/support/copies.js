'use strict';

// Copies of lib/ over one addon in one thread, as test runners, `require.cache` and two folders of the package make them.

const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

const lib = path.join(__dirname, '..', '..', 'lib');

const scripts = new Map();
const places = new Map();

/** Compiled once, so that a thousand copies take seconds. */
function scriptOf(file) {
  let script = scripts.get(file);
  if (script === undefined) {
    const source = fs.readFileSync(file, 'utf8');
    const wrapped = `(function (exports, require, module, __filename, __dirname) { ${source}\n})`;
    script = new vm.Script(wrapped, { filename: file });
    scripts.set(file, script);
  }
  return script;
}

function resolve(from, name) {
  const key = `${from} ${name}`;
  if (!places.has(key)) places.set(key, createRequire(from).resolve(name));
  return places.get(key);
}

/**
 * A `require` that evaluates each file of `folder` (lib/) anew, once, in `context` or in the calling one; all else, the addon
 * among it, is what this process has.
 */
function copy({ folder = lib, context } = {}) {
  const modules = new Map();
  const isOwn = (file) => file.startsWith(folder + path.sep) && file.endsWith('.js');

  function load(file) {
    if (!isOwn(file)) return require(file);
    const known = modules.get(file);
    if (known !== undefined) return known.exports;
    const module = { exports: {}, filename: file };
    modules.set(file, module);
    const script = scriptOf(file);
    const evaluate = context === undefined ? script.runInThisContext() : script.runInContext(context);
    const requireFrom = (name) => (name.startsWith('.') ? load(resolve(file, name)) : require(name));
    requireFrom.resolve = (name) => resolve(file, name);
    evaluate.call(module.exports, module.exports, requireFrom, module, file, path.dirname(file));
    return module.exports;
  }

  return (name) => load(path.join(folder, `${name}.js`));
}

/** The global object of a context as test runners make them: with Node's own globals, without its intrinsics. */
function newContext() {
  const context = vm.createContext({});
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (name in context || name === 'globalThis' || name === 'global') continue;
    Object.defineProperty(context, name, Object.getOwnPropertyDescriptor(globalThis, name));
  }
  return context;
}

module.exports = { copy, lib, newContext };
