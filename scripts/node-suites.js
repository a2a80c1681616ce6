'use strict';

// Runs Node's own tests of child_process and net against ours. They are not part of this repository: OXIPC_NODESUITE names
// a folder with a runner for Node's test tree (setup.sh, run.mjs, lists/; default ../shared/nodesuite). Fails when fewer pass
// than node-suites.json asks for; raise the numbers there as more of Node's behaviour is covered.

const fs = require('node:fs');
const path = require('node:path');
const suites = require('./node-suites.json');
const { ensureAddon } = require('./setup/addon');
const { runCommand } = require('./setup/run-command');
const { root } = require('./setup/stamp');
const { runMain } = require('./setup/stop');

const folder = path.resolve(root, process.env.OXIPC_NODESUITE || path.join('..', 'shared', 'nodesuite'));

async function runSuite({ suite, module, list, also = {}, passAtLeast }) {
  const report = path.join(root, 'build', `node-suite-${suite}.json`);
  fs.mkdirSync(path.dirname(report), { recursive: true });
  fs.rmSync(report, { force: true });
  const others = Object.entries(also).flatMap(([name, file]) => [`--also-${name}`, path.join(root, file)]);
  const args = ['--suite', suite, '--module', path.join(root, module), '--list', path.join('lists', list)];
  await runCommand(process.execPath, ['run.mjs', ...args, ...others, '--quiet', '--json', report], {
    cwd: folder,
  });
  if (!fs.existsSync(report)) return false;
  const { summary } = JSON.parse(fs.readFileSync(report, 'utf8'));
  const enough = summary.pass >= passAtLeast;
  console.log(
    `${enough ? 'ok    ' : 'FAILED'} ${suite}: ${summary.pass} of ${summary.total} pass, at least ${passAtLeast} have to`,
  );
  return enough;
}

async function main() {
  if (!fs.existsSync(path.join(folder, 'run.mjs'))) {
    console.log(`skipped: ${folder} has no runner for Node's tests (OXIPC_NODESUITE names its folder)`);
    return 0;
  }
  await ensureAddon('any');
  const setup = await runCommand(path.join(folder, 'setup.sh'), [], { cwd: folder });
  if (setup.status !== 0) return 1;
  let good = true;
  for (const suite of suites) good = (await runSuite(suite)) && good;
  return good ? 0 : 1;
}

runMain(main);
