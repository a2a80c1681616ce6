'use strict';

// Which part of the tree may import which, in both languages. A part that is missing on the right-hand side is refused;
// so is a cycle between JavaScript files. docs/design/architecture.md draws the same picture.

const fs = require('node:fs');
const path = require('node:path');
const { root } = require('../setup/stamp');

// Part of lib/ -> parts that it may require, beside itself.
const JAVASCRIPT = {
  amqplib: ['fallback', 'internal', 'native'],
  broker: ['internal', 'native'],
  child_process: ['fallback', 'net', 'internal', 'native'],
  fallback: ['amqplib', 'native'],
  net: ['fallback', 'internal', 'native'],
  register: ['internal', 'native'],
  internal: ['native'],
  native: [],
};

// Part of src/ -> parts that it may use, beside itself.
const RUST = {
  'amqp/wire': [],
  'amqp/client': ['amqp/wire', 'runtime', 'tls'],
  broker: ['amqp/wire', 'runtime'],
  event_loop: [],
  ipc: ['event_loop'],
  messages: ['event_loop'],
  net: ['event_loop'],
  process: ['event_loop'],
  runtime: [],
  tls: [],
  binding: ['amqp/client', 'broker', 'event_loop', 'ipc', 'messages', 'net', 'process', 'runtime', 'tls'],
};

// A name in Rust source -> the only part that may use it.
const RUST_NAMES = [
  [/\b(napi|napi_derive)::/, 'binding'],
  [/\buv_\w+\s*\(/, 'event_loop'],
  [/\blapin::/, 'broker'],
];

function filesBelow(folder, extension) {
  return fs
    .readdirSync(path.join(root, folder), { recursive: true })
    .filter((name) => name.endsWith(extension))
    .map((name) => path.join(folder, name))
    .sort();
}

/** The part of a file: its first folder or its own name, for src/amqp the second one. */
function partOf(file) {
  const names = file.replace(/\.(js|rs)$/, '').split(path.sep);
  return names[1] === 'amqp' ? names.slice(1, 3).join('/') : names[1];
}

const withoutComments = (source) => source.replace(/^\s*\/\/.*$/gm, '');

function requiredFiles(file, source) {
  // Not the addon itself.
  return [...source.matchAll(/require\('(\.[^']*)(?<!\.node)'\)/g)].map(([, name]) => {
    const target = path.join(path.dirname(file), name);
    return fs.existsSync(path.join(root, `${target}.js`)) ? `${target}.js` : target;
  });
}

// A require inside a function runs after all files are loaded, so it closes no cycle.
const onLoad = (source) => source.replace(/^\s+.*$/gm, '');

function checkJavaScript() {
  const files = filesBelow('lib', '.js');
  const graph = new Map();
  const wrong = [];
  for (const file of files) {
    const source = withoutComments(fs.readFileSync(path.join(root, file), 'utf8'));
    graph.set(file, requiredFiles(file, onLoad(source)));
    const part = partOf(file);
    const inLib = requiredFiles(file, source).filter((name) => name.startsWith('lib'));
    const refused = inLib.filter((target) => {
      const other = partOf(target);
      return other !== part && !JAVASCRIPT[part]?.includes(other);
    });
    wrong.push(...refused.map((target) => `${file} requires ${target}`));
  }
  return [...wrong, ...cycles(graph).map((names) => `cycle: ${names.join(' -> ')}`)];
}

/** One path for each strongly connected group that a depth-first walk meets. */
function cycles(graph) {
  const found = [];
  const done = new Set();
  const visit = (file, above) => {
    if (above.includes(file)) {
      found.push([...above.slice(above.indexOf(file)), file]);
      return;
    }
    if (done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...above, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

function checkRust() {
  const wrong = [];
  for (const file of filesBelow('src', '.rs')) {
    const part = partOf(file);
    if (part === 'lib' || file === path.join('src', 'amqp', 'mod.rs')) continue;
    const source = withoutComments(fs.readFileSync(path.join(root, file), 'utf8'));
    for (const [, first, second] of source.matchAll(/\bcrate::(\w+)(?:::(\w+))?/g)) {
      const other = first === 'amqp' ? `amqp/${second}` : first;
      if (other !== part && !RUST[part]?.includes(other)) wrong.push(`${file} uses crate::${other}`);
    }
    for (const [name, owner] of RUST_NAMES) {
      const [use] = source.match(name) ?? [];
      if (use && part !== owner) wrong.push(`${file} names ${use}; only src/${owner} does`);
    }
  }
  return wrong;
}

function importDirectionsHold() {
  const wrong = [...checkJavaScript(), ...checkRust()];
  for (const line of wrong) console.log(line);
  return wrong.length === 0;
}

module.exports = { importDirectionsHold };
