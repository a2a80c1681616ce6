'use strict';

// Without the addon: each program runs in a process of its own, whose environment hides it.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const root = path.join(__dirname, '..', '..');

function run(program, { env = {}, flags = [], cwd = __dirname } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', program], {
    encoding: 'utf8',
    cwd,
    // Without what the runner sets.
    env: { ...process.env, OXIPC_ADDON: 'none', OXIPC_FALLBACK: '', ...env },
  });
  return { status, stdout: stdout.trim(), stderr };
}

function output(program, options) {
  const { status, stdout, stderr } = run(program, options);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const warningsIn = (stderr) => stderr.split('\n').filter((line) => line.includes('[OXIPC_NO_ADDON]'));

test('the modules are the originals, function by function', () => {
  const same = output(`
    const pairs = [
      ['oxipc/child_process', 'node:child_process'],
      ['oxipc/net', 'node:net'],
      ['oxipc/amqplib', 'amqplib'],
      ['oxipc/amqplib/callback_api', 'amqplib/callback_api'],
    ];
    const different = ([name, original]) =>
      Object.keys(require(original)).filter((key) => require(name)[key] !== require(original)[key]);
    console.log(JSON.stringify([require('oxipc').isNative, ...pairs.flatMap(different)]));
  `);
  assert.deepEqual(same, [false]);
});

const PUBLIC = ['oxipc', 'oxipc/child_process', 'oxipc/net', 'oxipc/amqplib', 'oxipc/amqplib/callback_api'];
for (const name of PUBLIC) {
  test(`${name} has the names that it has with the addon, and they can be imported`, () => {
    const program = `
      const required = require('${name}');
      import('${name}').then((imported) => {
        const names = Reflect.ownKeys(required).filter((key) => imported[key] === required[key]);
        console.log(JSON.stringify([Reflect.ownKeys(required).sort(), names.sort()]));
      });`;
    const [ours] = output(program, { env: { OXIPC_ADDON: '' } });
    const [originals, imported] = output(program);
    // A new Node may export more.
    const missing = (names) => ours.filter((key) => !names.includes(key));
    assert.deepEqual([missing(originals), missing(imported)], [[], []]);
  });
}

test('what only the addon has throws, and names itself', () => {
  const program = `
    const { RunError, run, setDieWithParent } = require('oxipc/child_process');
    const { messages } = require('oxipc/net');
    const { RemoteError } = require('oxipc/amqplib');
    const { createBroker } = require('oxipc/broker');
    const attempts = [
      () => run('true'),
      () => setDieWithParent(true),
      () => new RunError(),
      () => messages({}),
      () => new RemoteError(),
    ];
    const errors = attempts.map((attempt) => {
      try {
        return attempt();
      } catch (error) {
        return error;
      }
    });
    createBroker().catch((error) => {
      const facts = [...errors, error].map(({ name, code, message }) => [name, code, message.split(' needs')[0]]);
      console.log(JSON.stringify([...facts, new Error() instanceof RunError]));
    });`;
  const code = 'ERR_OXIPC_NO_ADDON';
  assert.deepEqual(output(program), [
    ['Error', code, 'run of oxipc/child_process'],
    ['Error', code, 'setDieWithParent of oxipc/child_process'],
    ['Error', code, 'RunError of oxipc/child_process'],
    ['Error', code, 'messages of oxipc/net'],
    ['Error', code, 'RemoteError of oxipc/amqplib'],
    ['Error', code, 'createBroker()'],
    false,
  ]);
});

const loadAll = `
  for (const name of ['', '/child_process', '/net', '/amqplib', '/amqplib/callback_api', '/broker', '/register'])
    require('oxipc' + name);`;

test('one warning, however often the package is loaded', () => {
  const again = `${loadAll} for (const file in require.cache) delete require.cache[file]; ${loadAll}`;
  const { status, stderr } = run(again);
  assert.equal(status, 0, stderr);
  assert.equal(warningsIn(stderr).length, 1, stderr);
  assert.match(stderr, /OxipcWarning: OXIPC_ADDON=none hides the addon of oxipc\. /);
});

test('OXIPC_FALLBACK=silent: none', () => {
  assert.equal(run(loadAll, { env: { OXIPC_FALLBACK: 'silent' } }).stderr, '');
});

test('OXIPC_FALLBACK=never: every drop-in module throws the reason', () => {
  const program = `
    const names = ['oxipc', 'oxipc/child_process', 'oxipc/net', 'oxipc/amqplib', 'oxipc/amqplib/callback_api'];
    const codeOf = (name) => {
      try {
        require(name);
      } catch (error) {
        return error.code;
      }
    };
    console.log(JSON.stringify([...names, 'oxipc/register'].map(codeOf)));`;
  const codes = output(program, { env: { OXIPC_FALLBACK: 'never' } });
  assert.deepEqual(codes, Array(6).fill('ERR_OXIPC_NO_ADDON'));
});

for (const flag of ['--require', '--import']) {
  test(`${flag} oxipc/register leaves the originals, with a warning`, () => {
    const program = `
      const { createServer } = require('net');
      import('node:net').then((imported) => {
        console.log(imported.createServer === createServer, require('net').messages);
      });`;
    const { status, stdout, stderr } = run(program, { flags: [flag, 'oxipc/register'] });
    assert.equal(status, 0, stderr);
    assert.equal(stdout, 'true undefined');
    assert.equal(warningsIn(stderr).length, 1, stderr);
  });
}

test('a function that is replaced is replaced for the original, too', () => {
  const program = `
    const child_process = require('oxipc/child_process');
    child_process.execFile = (...args) => args.length;
    console.log(JSON.stringify([child_process.exec('true'), require('node:child_process').execFile()]));`;
  assert.deepEqual(output(program), [3, 0]);
});

/** A folder outside of the repository with oxipc, and amqplib when `amqplib` says what is in it. */
function project(t, amqplib) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-project-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const modules = path.join(folder, 'node_modules');
  fs.mkdirSync(path.join(modules, 'oxipc'), { recursive: true });
  for (const name of ['lib', 'index.js', 'package.json'])
    fs.cpSync(path.join(root, name), path.join(modules, 'oxipc', name), { recursive: true });
  if (amqplib) {
    fs.mkdirSync(path.join(modules, 'amqplib'));
    fs.writeFileSync(path.join(modules, 'amqplib', 'index.js'), amqplib);
  }
  return folder;
}

const connect = `require('oxipc/amqplib').connect('amqp://localhost:1').then(
  (answer) => console.log(JSON.stringify(answer)),
  ({ code, message }) => console.log(JSON.stringify([code, message.split(',')[0]])),
);`;

test("the project's own amqplib connects", (t) => {
  const cwd = project(t, 'exports.connect = async (url) => ({ url });');
  assert.deepEqual(output(connect, { cwd }), { url: 'amqp://localhost:1' });
});

test('without amqplib in the project connect() rejects', (t) => {
  const expected = ['ERR_OXIPC_NO_ADDON', 'connect() of oxipc/amqplib'];
  assert.deepEqual(output(connect, { cwd: project(t) }), expected);
  // A package that stands in for amqplib, by ours.
  const cwd = project(t, "module.exports = require('oxipc/amqplib');");
  assert.deepEqual(output(connect, { cwd }), expected);
});
