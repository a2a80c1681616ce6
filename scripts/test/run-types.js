'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { root } = require('../setup/stamp');
const { runCommand } = require('../setup/run-command');

const folder = path.join(root, '__test__', 'types');

const hasTypeTests = () => fs.existsSync(path.join(folder, 'tsconfig.json'));

/** Compiles the programs of __test__/types against our .d.ts files, once for each tsconfig: one result per program. */
async function runTypes() {
  const names = fs.readdirSync(folder);
  const programs = names.filter((name) => /\.[cm]?ts$/.test(name));
  if (programs.length === 0) throw new Error(`${folder} holds no program`);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const project of names.filter((name) => /^tsconfig.*\.json$/.test(name))) {
    const failed = await compile(project, programs);
    counts.failed += failed;
    counts.passed += programs.length - failed;
  }
  return { label: 'Types', counts, skips: [] };
}

/** How many of the programs do not compile. */
async function compile(project, programs) {
  console.log(`\nTypes (${project}): ${programs.length} files`);
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '--noEmit', '-p', path.join(folder, project)];
  const { status, output } = await runCommand(process.execPath, args, { capture: true });
  const broken = programs.filter((name) => output.includes(`${name}(`) || output.includes(`${name}:`)).length;
  const failed = status === 0 ? 0 : Math.max(1, broken);
  console.log(`${failed ? 'FAILED' : 'ok    '} ${programs.length - failed} passed, ${failed} failed`);
  return failed;
}

module.exports = { hasTypeTests, runTypes };
