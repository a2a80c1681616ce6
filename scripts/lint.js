'use strict';

// npm run lint: formatting and lints of both languages, and what the lock files may not hold. All checks run, whatever
// the first ones say.

const fs = require('node:fs');
const path = require('node:path');
const { ensurePackages } = require('./setup/packages');
const { ensureRust, ensureRustComponents } = require('./setup/rust');
const { runCommand } = require('./setup/run-command');
const { root } = require('./setup/stamp');
const { runMain } = require('./setup/stop');
const { importDirectionsHold } = require('./lint/import-directions');

const LOCK_FILES = [
  'package-lock.json',
  'scripts/node-versions/package-lock.json',
  '__test__/bundlers/package-lock.json',
  '__test__/runtimes/package-lock.json',
];

const biome = path.join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
const colors = process.stdout.isTTY ? [] : ['--colors=off'];
const clippy = ['clippy', '--quiet'];
const denied = ['--', '-D', 'warnings'];

// "resolved" is the address a package came from: that of whichever registry or mirror the last writer used.
function lockFilesHoldNoAddress() {
  const guilty = LOCK_FILES.filter((file) =>
    /"resolved": "http/.test(fs.readFileSync(path.join(root, file), 'utf8')),
  );
  for (const file of guilty) {
    console.log(
      `${file} holds download addresses: make it again with "omit-lockfile-registry-resolved=true" in .npmrc`,
    );
  }
  return guilty.length === 0;
}

const command = (file, args) => async () => (await runCommand(file, args)).status === 0;

const checks = {
  'biome (format and lint)': command(process.execPath, [biome, 'ci', '--error-on-warnings', ...colors, '.']),
  'lock files': lockFilesHoldNoAddress,
  'import directions': importDirectionsHold,
  rustfmt: command('cargo', ['fmt', '--check']),
  // Without --all-targets: napi leaves its glue out of test builds, and all of src/binding would count as unused.
  clippy: command('cargo', [...clippy, ...denied]),
  'clippy without the addon': command('cargo', [
    ...clippy,
    '--all-targets',
    '--no-default-features',
    ...denied,
  ]),
};

async function main() {
  await ensurePackages();
  ensureRust();
  await ensureRustComponents(['rustfmt', 'clippy']);
  const failed = [];
  for (const [name, check] of Object.entries(checks)) {
    const good = await check();
    console.log(`${good ? 'ok    ' : 'FAILED'} ${name}`);
    if (!good) failed.push(name);
  }
  return failed.length === 0 ? 0 : 1;
}

runMain(main);
