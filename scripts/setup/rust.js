'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { root } = require('./stamp');
const { SetupError } = require('./stop');

const GET_RUST = "get it with: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh";

function requiredVersion() {
  return /^rust-version = "(.+)"$/m.exec(fs.readFileSync(path.join(root, 'Cargo.toml'), 'utf8'))[1];
}

function isOlder(version, than) {
  return version.localeCompare(than, 'en', { numeric: true }) < 0;
}

/** Makes `cargo` callable, or says how to get it. A rustup of this session is found before its PATH line takes effect. */
function ensureRust() {
  const cargo = () => spawnSync('cargo', ['--version'], { encoding: 'utf8' });
  let found = cargo();
  if (found.error) {
    const home = process.env.CARGO_HOME ?? path.join(os.homedir(), '.cargo');
    process.env.PATH = `${path.join(home, 'bin')}${path.delimiter}${process.env.PATH}`;
    found = cargo();
  }
  const required = requiredVersion();
  if (found.error)
    throw new SetupError(`building needs Rust ${required} or newer, and there is no cargo; ${GET_RUST}`);
  const version = /^cargo (\d+\.\d+\.\d+)/.exec(found.stdout)?.[1];
  if (!version)
    throw new SetupError(`cargo does not work: ${(found.stderr || found.stdout).trim().split('\n')[0]}`);
  if (isOlder(version, required)) {
    throw new SetupError(`building needs Rust ${required} or newer, this is ${version}; ${GET_RUST}`);
  }
}

const works = (component) =>
  spawnSync('cargo', [component === 'rustfmt' ? 'fmt' : component, '--version']).status === 0;

/** Makes sure of `rustfmt` and the like, which a minimal installation lacks. */
async function ensureRustComponents(components) {
  const missing = components.filter((component) => !works(component));
  if (missing.length === 0) return;
  const { status } = spawnSync('rustup', ['component', 'add', ...missing], { stdio: 'inherit' });
  if (status !== 0 || !missing.every(works)) {
    throw new SetupError(
      `Rust's ${missing.join(' and ')} missing; with rustup: rustup component add ${missing.join(' ')}`,
    );
  }
}

module.exports = { ensureRust, ensureRustComponents };
