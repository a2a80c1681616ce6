'use strict';

// The only place that loads the addon. Never throws: without an addon `absence` says why, and each entry module decides
// what it hands out instead (docs/platforms.md).

const { version } = require('../../package.json');

// Only when there is something to explain.
const absence = () => require('./absence');

// Literal names, each in a `try` of its own: a bundler takes the addon that is there and passes over the others. In a clone
// the addon lies in lib/, in a project it is a package of its own.
const ADDONS = {
  'linux-x64-gnu': [
    (failed) => {
      try {
        return require('../oxipc.linux-x64-gnu.node');
      } catch (error) {
        return failed(error);
      }
    },
    (failed) => {
      try {
        return require('oxipc-linux-x64-gnu');
      } catch (error) {
        return failed(error);
      }
    },
  ],
  'linux-arm64-gnu': [
    (failed) => {
      try {
        return require('../oxipc.linux-arm64-gnu.node');
      } catch (error) {
        return failed(error);
      }
    },
    (failed) => {
      try {
        return require('oxipc-linux-arm64-gnu');
      } catch (error) {
        return failed(error);
      }
    },
  ],
};

// `error.path` names the package.json of a package that is there and lacks its file.
const isNotInstalled = (error) => error.code === 'MODULE_NOT_FOUND' && error.path === undefined;

function load() {
  if (process.env.OXIPC_ADDON === 'none') return without(absence().pretended());
  // Both load addons and export libuv's names, but most functions behind those abort the process.
  if (process.versions.bun) return without(absence().ofRuntime(`Bun ${process.versions.bun}`));
  if (process.versions.deno) return without(absence().ofRuntime(`Deno ${process.versions.deno}`));

  const platform = `${process.platform}-${process.arch}`;
  const names = Object.keys(ADDONS).filter((name) => name.startsWith(`${platform}-`));
  if (names.length === 0) return without(absence().ofPlatform(platform));

  let why;
  const failed = (error) => {
    if (!isNotInstalled(error)) why ??= absence().ofFailure(error, platform);
  };
  for (const attempt of names.flatMap((name) => ADDONS[name])) {
    const addon = attempt(failed);
    if (addon?.VERSION === version) return { addon, absence: null };
    if (addon) why ??= absence().ofVersion(addon.VERSION, version);
  }
  const packages = names.map((name) => `oxipc-${name}`);
  return without(why ?? absence().ofMissing(packages, platform));
}

const without = (reason) => ({ addon: null, absence: reason });

module.exports = load();
