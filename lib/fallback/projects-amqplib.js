'use strict';

const { createRequire } = require('node:module');
const path = require('node:path');

const { allowFallback } = require('../native/no-addon');

/** The module of that name that the program would get, or null when the project has none. */
function projectsAmqplib(name) {
  allowFallback();
  for (const folder of folders()) {
    const found = requireFrom(folder, name);
    // A package of this name that is made of ours is still being loaded, and empty.
    if (typeof found?.connect === 'function') return found;
  }
  return null;
}

// The program's own before ours: a linked package lies beside another amqplib.
function folders() {
  const program = process.argv[1] && path.dirname(path.resolve(process.argv[1]));
  return [program, process.cwd(), __dirname].filter(Boolean);
}

function requireFrom(folder, name) {
  try {
    return createRequire(path.join(folder, 'noop.js'))(name);
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND' || error.code === 'ERR_MODULE_NOT_FOUND') return null;
    throw error;
  }
}

module.exports = { projectsAmqplib };
