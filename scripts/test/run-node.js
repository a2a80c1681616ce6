'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { root } = require('../setup/stamp');
const { runBounded } = require('./run-bounded');
const { CONCURRENCY, FILE_LIMIT_MS, TEST_LIMIT_MS, testFolder } = require('./plan');

const reporter = path.join(__dirname, 'reporter.js');
const noCounts = () => ({ passed: 0, failed: 0, skipped: 0, todo: 0, empty: 0 });

function takeResults(file) {
  const lines = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  fs.rmSync(file, { force: true });
  return lines.map((line) => JSON.parse(line));
}

function describe(name, { passed, failed, skipped, todo }, seconds) {
  const others = Object.entries({ failed, skipped, todo }).filter(([, count]) => count > 0);
  const numbers = [`${passed} passed`, ...others.map(([status, count]) => `${count} ${status}`)].join(', ');
  return `${failed > 0 ? 'FAILED' : 'ok    '} ${name}: ${numbers}, ${seconds.toFixed(1)} s`;
}

async function runFile(file, { binary, env, serial }) {
  const name = path.relative(testFolder, file);
  const results = path.join(root, 'build', `test-results-${process.pid}-${serial}.jsonl`);
  fs.mkdirSync(path.dirname(results), { recursive: true });
  const args = ['--test', `--test-timeout=${TEST_LIMIT_MS}`, `--test-reporter=${reporter}`, file];
  const start = process.hrtime.bigint();
  const { status, output, leftovers, timedOut } = await runBounded(binary, args, {
    env: { ...env, OXIPC_TEST_RESULTS: results, OXIPC_TEST_FILE: file },
    mark: `OXIPC_TEST_RESULTS=${results}`,
    limit: FILE_LIMIT_MS,
  });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;

  const records = takeResults(results);
  const counts = noCounts();
  for (const record of records) counts[record.status] += 1;
  // A file without a test, and a runner that fails or dies without a word, are failures that nothing else would show.
  const silent = records.length === counts.empty || timedOut || (status !== 0 && counts.failed === 0);
  if (silent) counts.failed += 1;
  process.stdout.write(output);
  if (timedOut) console.log(`FAILED ${name}: it was still running after ${FILE_LIMIT_MS / 1000} s`);
  else if (silent)
    console.log(`FAILED ${name}: it reported no test, or ended with ${status} and no failed test`);
  for (const command of leftovers) console.log(`ended   ${name} left this running: ${command}`);
  console.log(describe(name, counts, seconds));
  const skips = records
    .filter((record) => record.status === 'skipped' || record.status === 'todo')
    .map((record) => ({
      name: `${name}: ${record.name}`,
      reason: typeof record.reason === 'string' && record.reason !== '' ? record.reason : 'no reason given',
    }));
  return { counts, skips };
}

/** Runs test files under one Node binary, a process each; returns counts and the skips with their reasons. */
async function runNode({ binary, label, files, env }) {
  console.log(`\n${label}: ${files.length} files`);
  const counts = noCounts();
  const skips = [];
  const queue = files.map((file, serial) => ({ file, serial }));
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const result = await runFile(next.file, { binary, env, serial: next.serial });
      for (const status of Object.keys(counts)) counts[status] += result.counts[status];
      skips.push(...result.skips);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return { label, counts, skips };
}

module.exports = { runNode };
