'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { root } = require('../setup/stamp');
const { runCommand } = require('../setup/run-command');

const folder = path.join(root, '__test__', 'types');

const hasTypeTests = () => fs.existsSync(path.join(folder, 'tsconfig.json'));

/** Compiles the programs of __test__/types against our .d.ts files: one result per program. */
async function runTypes() {
  const programs = fs.readdirSync(folder).filter((name) => /\.[cm]?ts$/.test(name));
  if (programs.length === 0) throw new Error(`${folder} holds no program`);
  console.log(`\nTypes: ${programs.length} files`);
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status, output } = await runCommand(process.execPath, [tsc, '--noEmit', '-p', folder], {
    capture: true,
  });
  const broken = programs.filter((name) => output.includes(`${name}(`) || output.includes(`${name}:`)).length;
  const failed = status === 0 ? 0 : Math.max(1, broken);
  console.log(`${failed ? 'FAILED' : 'ok    '} ${programs.length - failed} passed, ${failed} failed`);
  return { label: 'Types', counts: { passed: programs.length - failed, failed, skipped: 0 }, skips: [] };
}

module.exports = { hasTypeTests, runTypes };
