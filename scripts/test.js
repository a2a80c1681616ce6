'use strict';

const { startRabbitmq } = require('./rabbitmq-server');
const { ensureAddon } = require('./setup/addon');
const { readArguments } = require('./setup/arguments');
const { ensurePackages } = require('./setup/packages');
const { SetupError, runMain } = require('./setup/stop');
const {
  OTHER_NODES,
  environmentOf,
  runsOnEveryNode,
  runsWithoutAddon,
  testFiles,
  usesRabbitmq,
} = require('./test/plan');
const { nodeBinary } = require('./test/node-versions');
const { runNode } = require('./test/run-node');
const { runRust } = require('./test/run-rust');
const { hasTypeTests, runTypes } = require('./test/run-types');
const { printSummary } = require('./test/summary');

const USAGE = `Usage: npm test [-- [options] [WORD…]]

Sets up what is missing, then runs the Rust, type and JavaScript tests.

  WORD        only JavaScript test files whose path contains one of the words
  --embedded  without RabbitMQ: what needs one is skipped, and counted
  --node 22   JavaScript tests only, all of them, under that release
  --js        JavaScript tests only`;

const { values: options, positionals: words } = readArguments(USAGE, {
  allowPositionals: true,
  options: {
    embedded: { type: 'boolean', default: false },
    js: { type: 'boolean', default: false },
    node: { type: 'string' },
  },
});
const everything = words.length === 0 && !options.js && !options.node;

/** The RabbitMQ of this run: none, the one that is named, or one of our own that ends with the run. */
async function openRabbitmq(files) {
  const none = { env: { OXIPC_TEST_AMQP_URL: '', OXIPC_TEST_EMBEDDED: '1' }, close: async () => {} };
  if (options.embedded) return none;
  if (process.env.OXIPC_TEST_AMQP_URL || !files.some((file) => usesRabbitmq(file)))
    return { env: {}, close: async () => {} };
  const rabbitmq = await startRabbitmq({ progress: (line) => console.log(`RabbitMQ: ${line}`) });
  return { env: { OXIPC_TEST_AMQP_URL: rabbitmq.url }, close: () => rabbitmq.stop() };
}

async function* nodeRuns(files) {
  const installed = process.versions.node.split('.')[0];
  if (!options.node) yield { major: installed, files };
  const others = options.node ? [options.node] : OTHER_NODES.filter((major) => major !== installed);
  for (const major of others) yield { major, files: options.node ? files : files.filter(runsOnEveryNode) };
  yield { major: options.node ?? installed, files: files.filter(runsWithoutAddon), isNative: false };
}

async function runJavaScript(files, env) {
  const reports = [];
  for await (const { major, files: selected, isNative = true } of nodeRuns(files)) {
    if (selected.length === 0) continue;
    const binary = await nodeBinary(major);
    const label = `Node ${major}${isNative ? '' : ' without the addon'}`;
    if (binary) {
      reports.push(
        await runNode({ binary, label, files: selected, env: { ...env, ...environmentOf(isNative) } }),
      );
    } else {
      const reason = `no Node ${major} for ${process.platform}-${process.arch} in the registry`;
      const skips = selected.map((file) => ({ name: `${label}: ${file}`, reason }));
      reports.push({ label, counts: { passed: 0, failed: 0, skipped: skips.length }, skips });
    }
  }
  return reports;
}

async function main() {
  const files = testFiles(words);
  if (files.length === 0) throw new SetupError(`no test file matches ${words.join(' ')}`);
  await ensurePackages();
  await ensureAddon('any');
  const reports = [];
  if (everything) reports.push(await runRust());
  if (everything && hasTypeTests()) reports.push(await runTypes());
  const rabbitmq = await openRabbitmq(files);
  try {
    reports.push(...(await runJavaScript(files, rabbitmq.env)));
  } finally {
    await rabbitmq.close();
  }
  return printSummary(reports);
}

runMain(main);
