'use strict';

const path = require('node:path');
const { ensureAddon } = require('../scripts/setup/addon');
const { readArguments } = require('../scripts/setup/arguments');
const { ensurePackages } = require('../scripts/setup/packages');
const { SetupError, runMain } = require('../scripts/setup/stop');
const { stopBrokers } = require('./harness/amqp/brokers');
const { findCases } = require('./harness/cases');
const { measureCase } = require('./harness/measure');
const { Progress } = require('./harness/progress');
const { writeResults } = require('./harness/results');
const { printTable } = require('./harness/table');

const USAGE = `Usage: npm run bench [-- [options] [WORD…]]

Measures ours against the peers and prints a table.

  WORD            only cases whose path or question contains one of the words
  --node PATH     under that Node
  --rounds N      measurements per contender (default 5), of which the medians are shown
  --list          prints the cases and their questions`;

const { values: options, positionals: words } = readArguments(USAGE, {
  allowPositionals: true,
  options: {
    node: { type: 'string', default: process.execPath },
    rounds: { type: 'string', default: '5' },
    list: { type: 'boolean', default: false },
  },
});

runMain(async () => {
  const cases = findCases(words);
  if (cases.length === 0) throw new SetupError(`no case matches ${words.join(' ')}`);
  if (options.list) {
    for (const { name, question } of cases) console.log(`${name}: ${question}`);
    return 0;
  }
  await ensurePackages();
  await ensurePackages('benchmark/peers');
  await ensureAddon('release');
  const rounds = Number(options.rounds);
  const binary = options.node.includes('/') ? path.resolve(options.node) : options.node;
  const progress = new Progress(cases, rounds);
  const measured = [];
  try {
    for (const one of cases) {
      const result = await measureCase(one, { binary, rounds, progress });
      measured.push(result);
      progress.clear();
      printTable(result);
    }
  } finally {
    await stopBrokers();
  }
  console.log(`\nresults: ${writeResults(measured, { rounds })}`);
  return 0;
});
