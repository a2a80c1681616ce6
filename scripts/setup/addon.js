'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { digest, readStamp, root, writeStamp } = require('./stamp');
const { ensurePackages } = require('./packages');
const { ensureRust } = require('./rust');
const { runCommand } = require('./run-command');
const { SetupError } = require('./stop');

const INPUTS = ['src', 'build.rs', 'Cargo.toml', 'Cargo.lock', '.cargo'];

function builtFiles() {
  return fs.readdirSync(path.join(root, 'lib')).filter((name) => name.endsWith('.node'));
}

// By size and time: whoever writes the file without us (napi by hand, another checkout's copy) makes the stamp void.
function identity() {
  return builtFiles().map((name) => {
    const { size, mtimeMs } = fs.statSync(path.join(root, 'lib', name));
    return `${name} ${size} ${mtimeMs}`;
  });
}

function builtProfile(inputs) {
  const stamp = readStamp('addon');
  const same = stamp.inputs === inputs && JSON.stringify(stamp.files) === JSON.stringify(identity());
  return same && stamp.files.length > 0 ? stamp.profile : null;
}

async function buildAddon(profile, { target } = {}) {
  ensureRust();
  await ensurePackages();
  const inputs = digest(INPUTS);
  const cli = path.join(root, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js');
  const args = [cli, 'build', '--platform', '--output-dir', 'lib', '--no-js', '--dts', 'binding.d.ts'];
  if (profile === 'release') args.push('--release');
  if (target) args.push('--target', target);
  const { status } = await runCommand(process.execPath, args);
  if (status !== 0) throw new SetupError(`the ${profile} build of the addon failed`);
  writeStamp('addon', { inputs, profile, files: identity() });
}

/**
 * Builds the addon unless one of the wanted profile, made from the sources as they are, is in place. `any` takes both, and
 * builds what was built last, at first a release.
 */
async function ensureAddon(profile) {
  const built = builtProfile(digest(INPUTS));
  if (built && (profile === 'any' || profile === built)) return;
  const wanted = profile === 'any' ? (readStamp('addon').profile ?? 'release') : profile;
  console.log(`building the addon (${wanted}) …`);
  await buildAddon(wanted);
}

module.exports = { buildAddon, ensureAddon };
