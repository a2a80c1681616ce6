'use strict';

// Which modules are ours: all, those that OXIPC_MODULES names, and through which doors; once, however often the register is
// evaluated.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const root = path.join(__dirname, '..', '..');
const register = path.join(root, 'lib', 'register.js');

function run(program, { flags = ['--import', 'oxipc/register'], modules, esm = false } = {}) {
  const env = { ...process.env };
  delete env.OXIPC_MODULES;
  if (modules !== undefined) env.OXIPC_MODULES = modules;
  const args = [...flags, ...(esm ? ['--input-type=module'] : []), '-e', program];
  return spawnSync(process.execPath, args, { encoding: 'utf8', cwd: __dirname, env });
}

function answer(...args) {
  const { status, stdout, stderr } = run(...args);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

const WHICH = `
  const names = ['child_process', 'node:child_process', 'net', 'node:net', 'amqplib', 'amqplib/callback_api'];
  const ours = (name) => require('oxipc/' + name.replace('node:', ''));
  (async () => {
    const found = names.filter((name) => require(name) === ours(name));
    const imported = [];
    for (const name of names) if ((await import(name)).default === ours(name)) imported.push(name);
    console.log(JSON.stringify([found, imported]));
  })();
`;
const NAMES = {
  child_process: ['child_process', 'node:child_process'],
  net: ['net', 'node:net'],
  amqplib: ['amqplib', 'amqplib/callback_api'],
};

for (const [modules, chosen] of [
  [undefined, ['child_process', 'net', 'amqplib']],
  ['', ['child_process', 'net', 'amqplib']],
  ['child_process', ['child_process']],
  ['net', ['net']],
  ['amqplib', ['amqplib']],
  [' amqplib , child_process', ['child_process', 'amqplib']],
]) {
  test(`OXIPC_MODULES=${modules}`, () => {
    const names = chosen.flatMap((name) => NAMES[name]);
    assert.deepEqual(answer(WHICH, { modules }), [names, names]);
  });
}

test('OXIPC_MODULES: a name that is none of ours is an error before the program starts', () => {
  for (const modules of ['http', 'net,', 'net,node:net', 'amqplib,nett']) {
    const { status, stdout, stderr } = run('console.log(1)', { modules });
    assert.equal(status, 1);
    assert.equal(stdout, '');
    const name = JSON.stringify(modules.split(',').at(-1));
    const sentence = `OXIPC_MODULES is a comma-separated list of child_process, net, amqplib; it names ${name}`;
    assert.ok(stderr.includes(sentence), stderr);
  }
});

test('every door leads to the same module', () => {
  const doors = `
    const Module = require('module');
    const expected = require('oxipc/net');
    const doors = {
      require: require('net'),
      'global of -e': net,
      'module.require': module.require('net'),
      'Module._load': Module._load('net', null, false),
      createRequire: Module.createRequire('/elsewhere/file.js')('net'),
      'createRequire with node:': Module.createRequire('file:///elsewhere/file.js')('node:net'),
      ...(process.getBuiltinModule && { getBuiltinModule: process.getBuiltinModule('node:net') }),
    };
    console.log(JSON.stringify(Object.keys(doors).filter((name) => doors[name] !== expected)));
  `;
  assert.deepEqual(answer(doors), []);
});

test('what getBuiltinModule() answers for others is as before', {
  skip: !process.getBuiltinModule && 'no getBuiltinModule',
}, () => {
  const program = `
    const answers = [process.getBuiltinModule('fs') === require('fs'), process.getBuiltinModule('nope') === undefined,
      process.getBuiltinModule('amqplib') === undefined, process.getBuiltinModule.length, process.getBuiltinModule.name];
    try { process.getBuiltinModule(1); } catch (error) { answers.push(error.code); }
    const { enumerable, writable, configurable } = Object.getOwnPropertyDescriptor(process, 'getBuiltinModule');
    console.log(JSON.stringify([...answers, enumerable, writable, configurable]));
  `;
  assert.deepEqual(answer(program), answer(program, { flags: [] }));
});

test('nothing that a program lists shows the register', () => {
  const program = `
    const Module = require('module');
    const keys = (object) => Object.keys(object).sort();
    console.log(JSON.stringify([keys(Module), keys(process), keys(globalThis), Module.builtinModules,
      Module.syncBuiltinESMExports.length, Module.syncBuiltinESMExports.name]));
  `;
  assert.deepEqual(answer(program), answer(program, { flags: [] }));
});

test('a second evaluation adds nothing, be it of this copy or of another', (t) => {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-second-')));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const lib = path.join(root, 'lib');
  fs.cpSync(lib, path.join(folder, 'lib'), { recursive: true, filter: (file) => !file.endsWith('.node') });
  for (const file of fs.readdirSync(lib).filter((name) => name.endsWith('.node'))) {
    fs.symlinkSync(path.join(lib, file), path.join(folder, 'lib', file));
  }
  fs.copyFileSync(path.join(root, 'package.json'), path.join(folder, 'package.json'));
  const program = `
    const Module = require('module');
    const before = [Module._load, Module.syncBuiltinESMExports, process.getBuiltinModule, require('net')];
    const other = ${JSON.stringify(folder)};
    for (let index = 0; index < 20; index++) {
      require('oxipc/register');
      require(other + '/lib/register.js');
      for (const file of Object.keys(require.cache)) delete require.cache[file];
    }
    const after = [Module._load, Module.syncBuiltinESMExports, process.getBuiltinModule, require('net')];
    const second = require(other + '/lib/net.js');
    console.log(JSON.stringify([before.every((value, index) => value === after[index]), second !== after[3],
      second.BlockList === after[3].BlockList]));
  `;
  const other = path.join(folder, 'lib', 'register.js');
  for (const flags of [
    ['--import', 'oxipc/register'],
    ['--require', 'oxipc/register', '--import', 'oxipc/register', '--import', register, '--require', other],
  ]) {
    assert.deepEqual(answer(program, { flags }), [true, true, true]);
  }
});
