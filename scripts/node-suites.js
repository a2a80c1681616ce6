'use strict';

// Runs Node's own tests of child_process and net, and of the modules that use net, against ours. They are not part of this repository: OXIPC_NODESUITE names
// a folder with a runner for Node's test tree (setup.sh, run.mjs, lists/; default ../shared/nodesuite). Fails when fewer pass
// than node-suites.json asks for, or another than those that it excepts, each with its reason; raise the numbers there as more of
// Node's behaviour is covered.

const fs = require('node:fs');
const path = require('node:path');
const suites = require('./node-suites.json');
const { ensureAddon } = require('./setup/addon');
const { runCommand } = require('./setup/run-command');
const { root } = require('./setup/stamp');
const { runMain } = require('./setup/stop');

const folder = path.resolve(root, process.env.OXIPC_NODESUITE || path.join('..', 'shared', 'nodesuite'));

async function runSuite({ suite, module, list, also = {}, timeout, passAtLeast, except = {} }) {
  const name = path.basename(list, '.open.txt');
  const report = path.join(root, 'build', `node-suite-${name}.json`);
  fs.mkdirSync(path.dirname(report), { recursive: true });
  fs.rmSync(report, { force: true });
  const others = Object.entries(also).flatMap(([name, file]) => [`--also-${name}`, path.join(root, file)]);
  const args = ['--suite', suite, '--module', path.join(root, module), '--list', path.join('lists', list)];
  if (timeout) args.push('--timeout', String(timeout));
  await runCommand(process.execPath, ['run.mjs', ...args, ...others, '--quiet', '--json', report], {
    cwd: folder,
  });
  if (!fs.existsSync(report)) return false;
  const { summary, tests } = JSON.parse(fs.readFileSync(report, 'utf8'));
  const failed = tests.filter(({ status }) => status !== 'pass').map(({ name }) => name);
  const unexpected = failed.filter((test) => !(test in except));
  const enough = summary.pass >= passAtLeast && unexpected.length === 0;
  console.log(
    `${enough ? 'ok    ' : 'FAILED'} ${name}: ${summary.pass} of ${summary.total} pass, at least ${passAtLeast} have to`,
  );
  for (const test of unexpected) console.log(`       fails: ${test}`);
  for (const [test, reason] of Object.entries(except)) {
    console.log(
      failed.includes(test) ? `       excepted: ${test} (${reason})` : `       passes by now: ${test}`,
    );
  }
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
