'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { ensurePackages } = require('../setup/packages');
const { root } = require('../setup/stamp');

// A package of their own: whoever only builds or runs the demo does not download 200 MB of Node.
const folder = path.join('scripts', 'node-versions');

/** The path of a Node binary of that major release, or null where npm has none for this platform. */
async function nodeBinary(major) {
  if (process.versions.node.split('.')[0] === major) return process.execPath;
  if (process.platform !== 'linux') return null;
  await ensurePackages(folder);
  const binary = path.join(root, folder, 'node_modules', `node-${major}-${process.arch}`, 'bin', 'node');
  return fs.existsSync(binary) ? binary : null;
}

module.exports = { nodeBinary };
