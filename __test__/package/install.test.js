'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const test = require('node:test');
const { version } = require('../../package.json');

const root = path.join(__dirname, '..', '..');

function npmProgram(...args) {
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? process.env.npm_execpath
    : fs.realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim());
  return [npm, ...args];
}

/** A PATH with node and a shell, and neither Rust nor a C compiler. */
function barePath(folder) {
  const bin = path.join(folder, 'bin');
  fs.mkdirSync(bin);
  fs.symlinkSync(process.execPath, path.join(bin, 'node'));
  for (const tool of ['sh', 'env']) {
    fs.symlinkSync(
      execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim(),
      path.join(bin, tool),
    );
  }
  return bin;
}

test('both tarballs, installed offline into an empty project without Rust, run the demo and the command', (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-package-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const manifest = fs.readFileSync(path.join(root, 'package.json'), 'utf8');

  // As built: a build meanwhile would replace the addon under the other tests.
  execFileSync(process.execPath, npmProgram('pack', '--pack-destination', folder), {
    cwd: root,
    env: { ...process.env, OXIPC_PACK_AS_BUILT: '1', npm_config_pack_destination: folder },
    stdio: 'pipe',
  });
  assert.equal(fs.readFileSync(path.join(root, 'package.json'), 'utf8'), manifest);
  const tarballs = fs.readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  assert.equal(tarballs.length, 2);
  assert.ok(tarballs.includes(`oxipc-${version}.tgz`));

  const project = path.join(folder, 'project');
  fs.mkdirSync(project);
  fs.writeFileSync(path.join(project, 'package.json'), '{ "private": true }');
  const environment = { PATH: barePath(folder), HOME: folder };
  const options = { cwd: project, env: environment, encoding: 'utf8' };
  const files = tarballs.map((name) => path.join(folder, name));
  const install = spawnSync(
    process.execPath,
    npmProgram('install', '--offline', '--no-audit', '--no-fund', ...files),
    options,
  );
  assert.equal(install.status, 0, install.stderr);
  assert.equal(spawnSync('cargo', ['--version'], options).error?.code, 'ENOENT');

  for (const entry of ['scripts/demo.js', 'scripts/demo', 'examples']) {
    fs.cpSync(path.join(root, entry), path.join(project, entry), { recursive: true });
  }
  const demo = spawnSync(process.execPath, ['scripts/demo.js'], options);
  assert.equal(demo.status, 0, demo.stdout + demo.stderr);
  assert.match(demo.stdout, /All steps passed/);

  const help = spawnSync(path.join('node_modules', '.bin', 'oxipc'), ['--help'], options);
  assert.equal(help.status, 0, help.stderr);
  assert.match(help.stdout, /oxipc broker/);
});
