'use strict';

// npm run format: formats both languages in place, and applies the fixes of the JavaScript lints that are safe.

const path = require('node:path');
const { ensurePackages } = require('./setup/packages');
const { ensureRust, ensureRustComponents } = require('./setup/rust');
const { runCommand } = require('./setup/run-command');
const { root } = require('./setup/stamp');
const { runMain } = require('./setup/stop');

async function main() {
  await ensurePackages();
  ensureRust();
  await ensureRustComponents(['rustfmt']);
  const biome = path.join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  const javascript = await runCommand(process.execPath, [biome, 'check', '--write', '.']);
  const rust = await runCommand('cargo', ['fmt']);
  return javascript.status === 0 && rust.status === 0 ? 0 : 1;
}

runMain(main);
