'use strict';

// package.json names the platforms' packages as optional dependencies only inside the tarball: they carry this very version,
// so while it is being made no registry has them, and an install of the repository could not resolve them.

const fs = require('node:fs');
const path = require('node:path');
const { root } = require('../setup/stamp');
const { packageName, supportedPlatforms } = require('./platform-package');

const file = path.join(root, 'package.json');

const read = () => JSON.parse(fs.readFileSync(file, 'utf8'));
const write = (manifest) => fs.writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);

function addPlatformPackages() {
  const manifest = read();
  const names = supportedPlatforms(manifest).map(packageName);
  write({
    ...manifest,
    optionalDependencies: Object.fromEntries(names.map((name) => [name, manifest.version])),
  });
}

function removePlatformPackages() {
  const { optionalDependencies, ...manifest } = read();
  if (optionalDependencies) write(manifest);
}

module.exports = { addPlatformPackages, read, removePlatformPackages };
