// Jest and vitest, unchanged, with NODE_OPTIONS: what their tests require and import is ours.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { before, test } = require('node:test');
const { promisify } = require('node:util');

const { ensurePackages } = require('../../scripts/setup/packages');

const register = path.join(__dirname, '../../lib/register.js');
const LIMIT_MS = 120_000;

before(() => ensurePackages(path.join('__test__', 'clients')));

/** Runs the runner in the folder of programs that has its name; resolves with its report, which is JSON. */
async function run(name, program, ...args) {
  const cwd = path.join(__dirname, 'programs', name);
  const env = { ...process.env, NODE_OPTIONS: `--import ${path.relative(cwd, register)}` };
  const command = [path.join(__dirname, 'node_modules', program), ...args];
  const options = { cwd, env, timeout: LIMIT_MS, maxBuffer: 64 << 20 };
  const result = await promisify(execFile)(process.execPath, command, options).catch((error) => error);
  assert.ok(result.stdout.startsWith('{'), `${result.message}\n${result.stderr}`);
  return JSON.parse(result.stdout);
}

function assertAllPass({ testResults, numPassedTests }) {
  const failures = testResults.flatMap(({ assertionResults, message }) => [
    ...assertionResults
      .filter(({ status }) => status !== 'passed')
      .map((result) => result.failureMessages.join('\n')),
    ...(assertionResults.length === 0 ? [message] : []),
  ]);
  assert.deepEqual(failures, []);
  assert.equal(numPassedTests, 6);
}

test('Jest, in its worker processes', async () => {
  assertAllPass(await run('jest', 'jest/bin/jest.js', '--json', '--maxWorkers=2'));
});

for (const pool of ['forks', 'threads', 'vmThreads']) {
  test(`vitest with ${pool}`, async () => {
    assertAllPass(await run('vitest', 'vitest/vitest.mjs', 'run', '--reporter=json', `--pool=${pool}`));
  });
}
