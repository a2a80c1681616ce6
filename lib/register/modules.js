'use strict';

// Which modules of ours stand in for which names.

const fs = require('node:fs');
const path = require('node:path');

const lib = path.join(__dirname, '..');

// Marks Node's `module`, which all copies of this package share in a thread.
const INSTALLED = Symbol.for('oxipc.register');

/** By the names of OXIPC_MODULES: modules of Node's (`builtin`) and of npm, and the files that stand in for them. */
const MODULES = {
  child_process: { builtin: true, files: { child_process: path.join(lib, 'child_process.js') } },
  net: { builtin: true, files: { net: path.join(lib, 'net.js') } },
  amqplib: {
    builtin: false,
    files: {
      amqplib: path.join(lib, 'amqplib.js'),
      'amqplib/callback_api': path.join(lib, 'amqplib', 'callback-api.js'),
    },
  },
};

/** The modules that OXIPC_MODULES names; all of them where it is unset or empty. */
function chosenModules(list = process.env.OXIPC_MODULES) {
  if (!list?.trim()) return Object.keys(MODULES);
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !Object.hasOwn(MODULES, name));
  if (unknown === undefined) return names;
  throw new Error(
    `OXIPC_MODULES is a comma-separated list of ${Object.keys(MODULES).join(', ')}; it names ${JSON.stringify(unknown)}`,
  );
}

/** Maps what programs ask for (`net`, `node:net`, `amqplib`) to `{ name, builtin, file }`. */
function substitutesFor(chosen) {
  const substitutes = new Map();
  for (const { builtin, files } of chosen.map((name) => MODULES[name])) {
    for (const [name, file] of Object.entries(files)) {
      const substitute = { name, builtin, file };
      substitutes.set(name, substitute);
      if (builtin) substitutes.set(`node:${name}`, substitute);
    }
  }
  return substitutes;
}

const packages = new Map();

function isOurPackage(folder) {
  let known = packages.get(folder);
  if (known === undefined) {
    try {
      known = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).name === 'oxipc';
    } catch {
      known = false;
    }
    packages.set(folder, known);
  }
  return known;
}

/** Whether a file is part of this package, or of another copy of it: they build on the originals. */
function isOurs(file) {
  if (typeof file !== 'string') return false;
  if (file.startsWith(lib + path.sep)) return true;
  for (let end = file.indexOf('/lib/'); end !== -1; end = file.indexOf('/lib/', end + 1)) {
    if (isOurPackage(file.slice(0, end))) return true;
  }
  return false;
}

module.exports = { INSTALLED, chosenModules, isOurs, substitutesFor };
