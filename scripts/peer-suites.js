'use strict';

// Runs the own test suites of other projects with Node's modules and with ours (oxipc/register), and lists the tests that
// pass with Node's only:
//
//   node scripts/peer-suites.js FOLDER [NAME ...]
//
// FOLDER holds a checkout of each project under its name in peer-suites/suites.js; a suite whose checkout is not there is
// skipped. Packages are installed into the checkouts. Needs what `npm test` needs, and the standard ports of the servers.

const fs = require('node:fs');
const path = require('node:path');
const suites = require('./peer-suites/suites');
const { run, runSuite } = require('./peer-suites/run-suite');
const { startServers } = require('./peer-suites/servers');
const { ensureAddon } = require('./setup/addon');
const { runNpm } = require('./setup/packages');
const { SetupError, runMain } = require('./setup/stop');
const { nodeBinary } = require('./test/node-versions');

const INSTALL = ['install', '--ignore-scripts', '--legacy-peer-deps', '--no-save', '--no-audit', '--no-fund'];
const PREPARE_LIMIT_MS = 300_000;

async function prepare({ packages = [], prepare: steps = [], name }, folder, log) {
  if (!fs.existsSync(path.join(folder, 'node_modules'))) {
    const { status } = await runNpm([...INSTALL, '--loglevel=error', ...packages], { cwd: folder });
    if (status !== 0) throw new SetupError(`npm install failed for ${name}`);
  }
  for (const [command, ...args] of steps) {
    const [binary, rest] =
      command === 'node' ? [process.execPath, args] : [process.execPath, [command, ...args]];
    // A compiler that finds faults in types still writes what the tests load.
    await run(binary, rest, { cwd: folder, env: process.env, log, limit: PREPARE_LIMIT_MS });
  }
}

const lost = (before, after) => [...before.keys()].filter((name) => before.get(name) && !after.get(name));

/** Whether the same tests pass, but for the expected ones. Two rounds, since some suites have unsteady tests. */
async function compare(suite, folder) {
  const log = (kind) => path.join(folder, `peer-suite.${kind}.log`);
  const binary = suite.node ? await nodeBinary(suite.node) : process.execPath;
  await prepare(suite, folder, log('prepare'));
  const servers = await startServers(suite.servers);
  const round = (registered, number) =>
    runSuite(suite, {
      folder,
      binary,
      env: servers.env,
      registered,
      log: log(`${registered ? 'ours' : 'node'}.${number}`),
    });
  try {
    const original = await round(false, 1);
    const ours = await round(true, 1);
    let differences = lost(original, ours);
    const once = differences;
    if (differences.length > 0) {
      const again = [await round(false, 2), await round(true, 2)];
      differences = differences.filter((name) => again[0].get(name) && !again[1].get(name));
    }
    const unsteady = once.filter((name) => !differences.includes(name));
    return print(suite, original, ours, { differences, unsteady });
  } finally {
    await servers.stop();
  }
}

function print({ name, expected }, original, ours, { differences, unsteady }) {
  const unexpected = differences.filter((test) => expected[test] === undefined);
  const good = original.passed > 0 && unexpected.length === 0;
  console.log(
    `${good ? 'ok    ' : 'FAILED'} ${name}: ${original.passed} of ${original.size} pass with Node's modules, ` +
      `${ours.passed} of ${ours.size} with ours, ${differences.length} differ twice`,
  );
  for (const test of differences)
    console.log(`  ${test}${expected[test] ? `: expected, ${expected[test]}` : ''}`);
  return good;
}

async function main([sources, ...names]) {
  const unknown = names.find((name) => !suites.some((suite) => suite.name === name));
  if (!sources || unknown) {
    const known = suites.map((suite) => suite.name).join(', ');
    throw new SetupError(`usage: node scripts/peer-suites.js FOLDER [NAME ...]; names are ${known}`);
  }
  await ensureAddon('any');
  let good = true;
  for (const suite of suites.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const folder = path.resolve(sources, suite.name);
    if (!fs.existsSync(folder)) {
      console.log(`skipped ${suite.name}: no ${folder}`);
      continue;
    }
    good = (await compare(suite, folder)) && good;
  }
  return good ? 0 : 1;
}

runMain(() => main(process.argv.slice(2)));
