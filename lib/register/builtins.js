'use strict';

// Ours in the place of modules that Node has built in: one object per thread, whatever becomes of require.cache, and for ES
// modules the bindings that module.syncBuiltinESMExports() brings up to date.

const builtins = new Map();

/** The module that stands in for that builtin. */
function loadBuiltin(substitute) {
  return load(substitute).exports;
}

function load({ name, file }) {
  let builtin = builtins.get(name);
  if (builtin === undefined) {
    builtin = { names: exportNames(name), exports: require(file), assign: null, values: null };
    builtins.set(name, builtin);
  }
  return builtin;
}

/** The names that `import * as all` finds in the original of this Node. */
function exportNames(name) {
  return Object.keys(require(`node:${name}`)).filter((key) => key !== 'default');
}

/** Takes the values that ES modules see. Node does so when the first of them is linked, before any of them runs. */
function capture(substitute) {
  const builtin = load(substitute);
  if (builtin.values === null) takeValues(builtin);
  return builtin;
}

function takeValues(builtin) {
  const { exports, names } = builtin;
  builtin.values = names.map((key) => (Object.hasOwn(exports, key) ? exports[key] : undefined));
  builtin.assign?.(builtin.values);
}

function syncBuiltins() {
  for (const builtin of builtins.values()) {
    if (builtin.values !== null) takeValues(builtin);
  }
}

/** An ES module with the original's names. Its bindings are filled by the `bind()` that Node's `module` has by that symbol. */
function facadeSource({ name, file }, symbol) {
  const names = exportNames(name);
  const variables = names.map((_, index) => `_${index}`).join();
  const bindings = names.map((key, index) => `_${index} as ${JSON.stringify(key)}`).join();
  // No import of this file: a program may have emptied require.cache, and would get another copy of it.
  return [
    `import Module from 'node:module'`,
    `const { bind } = Module[Symbol.for(${JSON.stringify(symbol.description)})]`,
    `let ${variables}`,
    `export {${bindings}}`,
    `export default bind(${JSON.stringify({ name, file })},values=>{[${variables}]=values})`,
  ].join(';');
}

/** Calls `assign` with the values for ES modules, now and whenever they are brought up to date; returns the module. */
function bind(substitute, assign) {
  const builtin = capture(substitute);
  builtin.assign = assign;
  assign(builtin.values);
  return builtin.exports;
}

module.exports = { bind, capture, facadeSource, loadBuiltin, syncBuiltins };
