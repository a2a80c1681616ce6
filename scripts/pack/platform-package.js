'use strict';

// The package of one platform: nothing but the addon, with the fields by which npm decides who gets it.

const fs = require('node:fs');
const path = require('node:path');
const { root } = require('../setup/stamp');

const LIBC = { gnu: 'glibc', musl: 'musl' };

/** `oxipc.linux-x64-gnu.node` → `linux-x64-gnu` */
function platformOf(file) {
  return /^oxipc\.(.+)\.node$/.exec(file)[1];
}

const packageName = (platform) => `oxipc-${platform}`;

/** The platforms that package.json's `napi.targets` names, as the addon's file name spells them. */
function supportedPlatforms({ napi }) {
  const architectures = { x86_64: 'x64', aarch64: 'arm64' };
  return napi.targets.map((target) => {
    const [architecture, , os, abi] = target.split('-');
    return [os, architectures[architecture], abi].join('-');
  });
}

/** Writes the package's folder under build/ and returns its path. */
function writePlatformPackage(file, { version, license, engines }) {
  const platform = platformOf(file);
  const [os, cpu, abi] = platform.split('-');
  const folder = path.join(root, 'build', 'npm', platform);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const manifest = {
    name: packageName(platform),
    version,
    description: `The addon of oxipc for ${platform}`,
    license,
    main: file,
    files: [file],
    os: [os],
    cpu: [cpu],
    ...(LIBC[abi] && { libc: [LIBC[abi]] }),
    engines,
  };
  fs.writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  fs.writeFileSync(
    path.join(folder, 'README.md'),
    `# ${manifest.name}\n\n${manifest.description}. Install \`oxipc\`, not this.\n`,
  );
  fs.copyFileSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
  fs.copyFileSync(path.join(root, 'lib', file), path.join(folder, file));
  return folder;
}

module.exports = { packageName, supportedPlatforms, writePlatformPackage };
