'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');

const ROOT = path.join(__dirname, '..', '..');
const ADDON = `oxipc.${process.platform}-${process.arch}-gnu.node`;
const { version } = require(path.join(ROOT, 'package.json'));

/** The package as published, without an addon. `change(folder)` prepares it. */
function unpacked(t, change = () => {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-unbuilt-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  for (const name of ['lib', 'index.js', 'package.json']) {
    fs.cpSync(path.join(ROOT, name), path.join(folder, name), {
      recursive: true,
      filter: (file) => !file.endsWith('.node'),
    });
  }
  change(folder);
  return folder;
}

const program = `
const oxipc = require(FOLDER);
const net = require('node:net');
console.log(JSON.stringify({ isNative: oxipc.isNative, isNodes: oxipc.net.connect === net.connect }));
try { oxipc.run('true'); } catch (error) { console.log(error.code); }
`;

function run(folder, { flags = [], env = {}, before = '' } = {}) {
  const source = before + program.replace('FOLDER', JSON.stringify(folder));
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', source], {
    encoding: 'utf8',
    // Not that of the runner: it refuses to test Node's own for ours.
    env: { ...process.env, OXIPC_FALLBACK: '', ...env },
  });
  return { status, lines: stdout.trim().split('\n'), stderr };
}

/** The program runs on Node's own modules, with one warning, which it returns. */
function fallsBack(folder, options) {
  const { status, lines, stderr } = run(folder, options);
  assert.equal(status, 0, stderr);
  assert.deepEqual(lines, ['{"isNative":false,"isNodes":true}', 'ERR_OXIPC_NO_ADDON']);
  const warnings = stderr.split('\n').filter((line) => line.includes('OXIPC_NO_ADDON] OxipcWarning: '));
  assert.equal(warnings.length, 1, stderr);
  return warnings[0].split('OxipcWarning: ')[1];
}

const pretendPlatform = (platform, arch) =>
  `Object.defineProperty(process, 'platform', { value: '${platform}' });
   Object.defineProperty(process, 'arch', { value: '${arch}' });`;
const putAddon = (change) => (folder) => change(path.join(folder, 'lib', ADDON));

describe('where there is no addon', () => {
  test('a platform that is not supported', (t) => {
    const warning = fallsBack(unpacked(t), { before: pretendPlatform('darwin', 'arm64') });
    assert.match(warning, /^oxipc supports Linux x64 and arm64 with glibc; this is darwin-arm64\. /);
  });

  test('another libc', (t) => {
    const before = 'process.report.getReport = () => ({ header: {} });';
    assert.match(fallsBack(unpacked(t), { before }), /this is linux-\w+ with another libc \(musl\)\. /);
  });

  test('other runtimes, by name, before anything native is loaded', (t) => {
    const folder = unpacked(
      t,
      putAddon((file) => fs.writeFileSync(file, '')),
    );
    for (const [name, text] of [
      ['bun', 'Bun 1.4.5'],
      ['deno', 'Deno 2.9.6'],
    ]) {
      const before = `Object.defineProperty(process.versions, '${name}', { value: '${text.split(' ')[1]}' });`;
      assert.ok(
        fallsBack(folder, { before }).startsWith(`oxipc has no addon for ${text}: it supports Node.js`),
      );
    }
  });

  test('OXIPC_ADDON=none', () => {
    assert.match(fallsBack(ROOT, { env: { OXIPC_ADDON: 'none' } }), /^OXIPC_ADDON=none hides the addon/);
  });

  test('addons that Node does not load', () => {
    const warning = fallsBack(ROOT, { flags: ['--no-addons'] });
    assert.match(warning, /^Node\.js was started without addons, and oxipc is one: see --no-addons\. /);
  });
});

describe('a broken installation says so', () => {
  test('the package of the platform is missing', (t) => {
    assert.match(
      fallsBack(unpacked(t)),
      /^The installation of oxipc is broken: the addon of oxipc for linux-\w+ is not installed \(oxipc-linux-\w+-gnu\); install oxipc without omitting optional dependencies\. /,
    );
  });

  test('a damaged addon, with the reason of the loader', (t) => {
    const folder = unpacked(
      t,
      putAddon((file) => fs.writeFileSync(file, 'no ELF')),
    );
    assert.match(fallsBack(folder), /is broken: the addon of oxipc does not load: .*file too short; install/);
  });

  test('an addon of another version than the JavaScript', (t) => {
    const folder = unpacked(t, (copy) => {
      fs.copyFileSync(path.join(ROOT, 'lib', ADDON), path.join(copy, 'lib', ADDON));
      const file = path.join(copy, 'package.json');
      fs.writeFileSync(
        file,
        fs.readFileSync(file, 'utf8').replace(`"version": "${version}"`, '"version": "9.9.9"'),
      );
    });
    const text = `the addon of oxipc is of version ${version}, and its JavaScript of 9.9.9; install both anew`;
    assert.ok(fallsBack(folder).includes(text));
  });
});

test('a system library that is too old is named', () => {
  const { ofFailure } = require('../../lib/native/absence');
  const error = new Error("/lib/libc.so.6: version `GLIBC_9.99' not found (required by /x/oxipc.node)");
  const { kind, sentence, cause } = ofFailure(error, 'linux-x64');
  assert.equal(kind, 'unsupported');
  assert.match(
    sentence,
    /^the addon of oxipc needs glibc 9\.99 or later, and this system has [\d.]+; oxipc supports /,
  );
  assert.equal(cause, error);
});

test('OXIPC_FALLBACK=never refuses with the reason', (t) => {
  const { status, stderr } = run(unpacked(t), {
    env: { OXIPC_FALLBACK: 'never' },
    before: pretendPlatform('win32', 'x64'),
  });
  assert.equal(status, 1);
  assert.match(stderr, /Error: oxipc supports Linux x64 and arm64 with glibc; this is win32-x64$/m);
  assert.match(stderr, /code: 'ERR_OXIPC_NO_ADDON'/);
});

test('a clone that is not built is an error that says how to build it', (t) => {
  const folder = unpacked(t, (copy) => fs.writeFileSync(path.join(copy, 'Cargo.toml'), ''));
  const { status, stderr } = run(folder);
  assert.equal(status, 1);
  assert.match(stderr, /Error: the addon of oxipc for linux-\w+ is not installed/);
  assert.ok(stderr.includes(`\`npm run build\` in ${folder} builds it`), stderr);
});

test('the addon, package.json and the loader agree on versions and platforms', () => {
  const { napi } = require('../../package.json');
  assert.equal(require('../../lib/native').VERSION, version);
  const { supportedPlatforms } = require('../../scripts/pack/platform-package');
  const source = fs.readFileSync(path.join(ROOT, 'lib', 'native', 'load.js'), 'utf8');
  for (const platform of supportedPlatforms({ napi })) {
    assert.ok(source.includes(`require('../oxipc.${platform}.node')`), platform);
    assert.ok(source.includes(`require('oxipc-${platform}')`), platform);
  }
});
