// Bun and Deno: the drop-in modules work without the addon, and say so. Both export libuv's names; the addon would abort them.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { ensurePackages } = require('../../scripts/setup/packages');

const root = path.join(__dirname, '..', '..');
const modules = path.join(__dirname, 'node_modules');

// The binaries themselves, where npm puts them and where the install script of `bun`, if it may run, moves its own.
const cpu = { x64: { bun: 'x64', deno: 'x64' }, arm64: { bun: 'aarch64', deno: 'arm64' } }[process.arch];
const RUNTIMES = {
  Bun: { files: [`@oven/bun-linux-${cpu?.bun}/bin/bun`, 'bun/bin/bun.exe'], args: [] },
  Deno: {
    files: [`@deno/linux-${cpu?.deno}-glibc/deno`],
    args: ['run', '--allow-all', '--node-modules-dir=manual'],
  },
};

const skip = (process.platform !== 'linux' || !cpu) && 'npm has no binary of theirs that was tried here';

let project;

/** A folder that has us and amqplib for packages: a name of ours means nothing below another package.json. */
function makeProject() {
  project = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-runtimes-'));
  fs.mkdirSync(path.join(project, 'node_modules'));
  fs.symlinkSync(root, path.join(project, 'node_modules', 'oxipc'));
  fs.symlinkSync(path.join(root, 'node_modules', 'amqplib'), path.join(project, 'node_modules', 'amqplib'));
  // Deno imports only what this names.
  const manifest = { dependencies: { amqplib: '*', oxipc: '*' } };
  fs.writeFileSync(path.join(project, 'package.json'), JSON.stringify(manifest));
  fs.copyFileSync(path.join(__dirname, 'programs', 'drop-ins.cjs'), path.join(project, 'drop-ins.cjs'));
}

function run({ files, args }, env = {}) {
  const binary = files.map((file) => path.join(modules, file)).find(fs.existsSync);
  const { status, signal, stdout, stderr } = spawnSync(binary, [...args, 'drop-ins.cjs'], {
    encoding: 'utf8',
    cwd: project,
    env: { ...process.env, OXIPC_FALLBACK: '', DENO_NO_UPDATE_CHECK: '1', ...env },
  });
  return { status, signal, stdout: stdout.trim().split('\n'), stderr };
}

describe('runtimes that are not Node.js', { skip }, () => {
  before(async () => {
    await ensurePackages(path.join('__test__', 'runtimes'));
    makeProject();
  });
  after(() => project && fs.rmSync(project, { recursive: true }));

  for (const [name, runtime] of Object.entries(RUNTIMES)) {
    test(`${name} runs the drop-in modules on its own`, () => {
      const { status, signal, stdout, stderr } = run(runtime);
      assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr);
      assert.deepEqual(stdout.map(JSON.parse), [
        ['isNative', false, true, 'function'],
        ['sync', 'a'],
        ['child', 'through a child', 0, null],
        ['TCP', 'hello'],
        ['UNIX', 'hello'],
        ['amqplib', 'ECONNREFUSED'],
        ['only the addon', ...Array(3).fill('ERR_OXIPC_NO_ADDON')],
      ]);
      const warnings = stderr.match(
        /OxipcWarning: oxipc has no addon for (Bun|Deno) [\d.]+: it supports Node\.js/g,
      );
      assert.equal(warnings?.length, 1, stderr);
      assert.ok(warnings[0].includes(name));
    });

    test(`${name} is refused by OXIPC_FALLBACK=never`, () => {
      const { status, signal, stderr } = run(runtime, { OXIPC_FALLBACK: 'never' });
      assert.deepEqual({ status, signal }, { status: 1, signal: null }, stderr);
      assert.match(stderr, new RegExp(`oxipc has no addon for ${name}`));
    });
  }
});
