'use strict';

// The only place that loads the addon.

const fs = require('node:fs');
const path = require('node:path');

module.exports = load();

function load() {
  try {
    return require('./binding');
  } catch (error) {
    // The generated loader's own text suspects npm; its causes say what was tried.
    throw new Error(advice(), { cause: error.cause ?? error });
  }
}

function advice() {
  const folder = path.join(__dirname, '..');
  const missing = `The addon of oxipc is not built for ${process.platform}-${process.arch}, or does not load`;
  // A published package brings addons as optional dependencies, and no sources.
  if (!fs.existsSync(path.join(folder, 'Cargo.toml')))
    return `${missing}: install oxipc without omitting optional dependencies`;
  return `${missing}: \`npm run build\` in ${folder} builds it`;
}
