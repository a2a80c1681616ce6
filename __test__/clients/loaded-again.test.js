// Jest and vitest evaluate the modules under test again and again in one thread, over the one addon that Node has loaded.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { before, test } = require('node:test');

const { ensurePackages } = require('../../scripts/setup/packages');

before(() => ensurePackages(path.join('__test__', 'clients')));

const root = path.join(__dirname, '../..');
const programs = path.join(__dirname, 'programs');
const packages = path.join(__dirname, 'node_modules');

/** A folder with the files and ours as a dependency: linked, or copied as npm installs it. */
function project(t, files, { linked }) {
  const folder = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'oxipc-runner-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const modules = path.join(folder, 'node_modules');
  fs.mkdirSync(modules);
  const ours = path.join(modules, 'oxipc');
  if (linked) {
    fs.symlinkSync(root, ours);
  } else {
    fs.mkdirSync(ours);
    for (const name of ['package.json', 'index.js', 'lib'])
      fs.cpSync(path.join(root, name), path.join(ours, name), { recursive: true });
  }
  fs.copyFileSync(path.join(programs, 'traffic.js'), path.join(folder, 'traffic.js'));
  fs.writeFileSync(path.join(folder, 'package.json'), '{}');
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), text);
  return folder;
}

/** Exit status and everything that was printed. */
function run(cwd, program, args) {
  return new Promise((resolve) => {
    const options = {
      cwd,
      env: { ...process.env, CI: '1', NO_COLOR: '1', NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: '' },
    };
    execFile(process.execPath, [program, ...args], options, (error, stdout, stderr) =>
      resolve({ status: error?.code ?? 0, text: `${stdout}${stderr}` }),
    );
  });
}

const LOAD = `
  const load = () => ({
    child_process: require('oxipc/child_process'),
    net: require('oxipc/net'),
    amqplib: require('oxipc/amqplib'),
    broker: require('oxipc/broker'),
  });`;

const jestFile = (name) => `
  const { traffic } = require('./traffic');
  ${LOAD}
  const check = async (modules, seed) => {
    const { came, expected } = await traffic(modules, seed);
    expect(came).toEqual(expected);
  };
  let first;
  test('${name}: as loaded', () => check((first = load()), '${name} first'));
  test('${name}: after resetModules', async () => {
    jest.resetModules();
    const second = load();
    expect(second.net.Socket).not.toBe(first.net.Socket);
    await Promise.all([check(second, '${name} second'), check(first, '${name} third')]);
  });`;

for (const linked of [true, false]) {
  test(`jest: three files in one process, ${linked ? 'linked' : 'copied'}`, async (t) => {
    const files = Object.fromEntries(
      ['one', 'two', 'three'].map((name) => [`${name}.test.js`, jestFile(name)]),
    );
    const config = { testEnvironment: 'node', transform: {}, watchman: false, cacheDirectory: './cache' };
    const folder = project(t, { ...files, 'jest.config.json': JSON.stringify(config) }, { linked });
    const jest = path.join(packages, 'jest', 'bin', 'jest.js');
    const { status, text } = await run(folder, jest, ['-i', '--config', 'jest.config.json']);
    assert.equal(status, 0, text);
    assert.match(text, /Tests: +6 passed, 6 total/);
  });
}

const vitestFile = (name) => `
  import { createRequire } from 'node:module';
  import * as child_process from 'oxipc/child_process';
  import * as net from 'oxipc/net';
  import * as amqplib from 'oxipc/amqplib';
  import * as broker from 'oxipc/broker';
  const { traffic } = createRequire(import.meta.url)('./traffic.js');
  test('${name}', async () => {
    const { came, expected } = await traffic({ child_process, net, amqplib, broker }, '${name}');
    expect(came).toEqual(expected);
  });`;

for (const linked of [true, false]) {
  for (const pool of ['forks', 'threads', 'vmThreads']) {
    test(`vitest: ${pool}, ${linked ? 'linked' : 'copied'}`, async (t) => {
      const files = Object.fromEntries(
        ['one', 'two', 'three'].map((name) => [`${name}.test.js`, vitestFile(name)]),
      );
      const folder = project(t, files, { linked });
      const vitest = path.join(packages, 'vitest', 'vitest.mjs');
      const { status, text } = await run(folder, vitest, [
        'run',
        '--globals',
        '--pool',
        pool,
        '--root',
        folder,
      ]);
      assert.equal(status, 0, text);
      assert.match(text, /Tests +3 passed/);
    });
  }
}
