'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { digest, root } = require('./stamp');
const { runCommand } = require('./run-command');
const { SetupError } = require('./stop');

/** Runs the npm that runs us, else the one on PATH. */
function runNpm(args, options) {
  const npm = process.env.npm_execpath;
  if (npm?.endsWith('.js')) return runCommand(process.execPath, [npm, ...args], options);
  return runCommand('npm', args, options);
}

/**
 * Installs what a package-lock.json names, when that has not been done since it changed. `folder` is relative to the
 * project. The stamp lies inside node_modules, so that it goes when they go.
 */
async function ensurePackages(folder = '.') {
  const lock = digest([path.join(folder, 'package.json'), path.join(folder, 'package-lock.json')]);
  const stamp = path.join(root, folder, 'node_modules', '.oxipc-lock');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === lock) return;
  console.log(`installing packages${folder === '.' ? '' : ` of ${folder}`} …`);
  // Not `npm ci`: it refuses a lock file that lacks packages of other platforms, which some registry mirrors do not have.
  // This installs the locked versions too, and --no-save leaves the lock file as it is.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = await runNpm(args, { cwd: path.join(root, folder) });
  if (status !== 0) throw new SetupError(`npm install failed in ${folder === '.' ? 'the project' : folder}`);
  fs.writeFileSync(stamp, lock);
}

module.exports = { ensurePackages, runNpm };
