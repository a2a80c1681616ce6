'use strict';

const { ensureRust } = require('../setup/rust');
const { runCommand } = require('../setup/run-command');

const RESULT = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm;
const IGNORED = /^test (.+) \.\.\. ignored(?:, (.*))?$/gm;

/** Runs the tests of the core, without napi, and returns their results one by one as the JavaScript side records them. */
async function runRust(patterns = []) {
  ensureRust();
  console.log('\nRust: cargo test --no-default-features');
  const args = ['test', '--no-default-features', '--quiet', '--', '--format=pretty', ...patterns];
  const { status, output } = await runCommand('cargo', args, { quiet: true });
  const results = [...output.matchAll(RESULT)];
  if (status !== 0 || results.length === 0) process.stdout.write(output);
  const sum = (index) => results.reduce((total, match) => total + Number(match[index]), 0);
  const counts = { passed: sum(1), failed: sum(2), skipped: sum(3), todo: 0, empty: 0 };
  // A build that fails, or a test binary that aborts, prints no result.
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  const skips = [...output.matchAll(IGNORED)].map(([, name, reason]) => ({
    name,
    reason: reason ?? 'no reason given',
  }));
  console.log(
    `${counts.failed ? 'FAILED ' : 'ok     '}${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`,
  );
  return { label: 'Rust', counts, skips };
}

module.exports = { runRust };
