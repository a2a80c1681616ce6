'use strict';

// The flags that children get name the register by its absolute path, so that they find it wherever they start.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { pathToFileURL } = require('node:url');

const root = path.join(__dirname, '..', '..');
const register = path.join(root, 'lib', 'register.js');
const registerUrl = pathToFileURL(register).href;
const fixture = path.join(__dirname, 'fixtures', 'descendants.cjs');

function run({ flags = [], options, kinds = [], cwd = __dirname }) {
  const env = { ...process.env };
  delete env.NODE_OPTIONS;
  if (options !== undefined) env.NODE_OPTIONS = options;
  const args = [...flags, fixture, ...kinds];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', cwd, env }));
}

const FLAGS = [
  [
    ['--import', 'oxipc/register'],
    ['--import', register],
  ],
  [['--import=oxipc/register'], [`--import=${register}`]],
  [
    ['--require', 'oxipc/register'],
    ['--require', register],
  ],
  [['--require=oxipc/register'], [`--require=${register}`]],
  [
    ['-r', 'oxipc/register'],
    ['-r', register],
  ],
  [
    ['--import', '../../lib/register.js'],
    ['--import', register],
  ],
  [
    ['--import', '../../lib/../lib/register.js?again'],
    ['--import', register],
  ],
  [
    ['--require', '../../lib/register'],
    ['--require', register],
  ],
  [
    ['--import', register],
    ['--import', register],
  ],
  [
    ['--import', registerUrl],
    ['--import', registerUrl],
  ],
  [
    [
      '--import',
      './fixtures/empty.mjs',
      '--no-warnings',
      '--import=oxipc/register',
      '-r',
      './fixtures/empty.cjs',
    ],
    [
      '--import',
      './fixtures/empty.mjs',
      '--no-warnings',
      `--import=${register}`,
      '-r',
      './fixtures/empty.cjs',
    ],
  ],
];

for (const [flags, expected] of FLAGS) {
  test(`execArgv of node ${flags.join(' ').replaceAll(root, '…')}`, () => {
    const result = run({ flags });
    assert.deepEqual(result.execArgv, expected);
    assert.equal(result.options, undefined);
  });
}

const OPTIONS = [
  ['--import oxipc/register', `--import ${register}`],
  ['--import=oxipc/register', `--import=${register}`],
  ['  --require  oxipc/register ', `  --require  ${register} `],
  ['-r "oxipc/register"', `-r ${register}`],
  ['"--require" "../../lib/register"', `"--require" ${register}`],
  [
    '--no-warnings --import ../../lib/reg"ister.js"  --stack-trace-limit=20',
    `--no-warnings --import ${register}  --stack-trace-limit=20`,
  ],
  [
    '--require ./fixtures/empty.cjs "--import=oxipc/register" --import "./fixtures/empty.mjs"',
    `--require ./fixtures/empty.cjs --import=${register} --import "./fixtures/empty.mjs"`,
  ],
];

for (const [options, expected] of OPTIONS) {
  test(`NODE_OPTIONS='${options}'`, () => {
    const result = run({ options });
    assert.equal(result.options, expected);
    assert.deepEqual(result.execArgv, []);
  });
}

const everyKind = (value, { children }) =>
  Object.fromEntries(Object.keys(children).map((kind) => [kind, value]));

test('NODE_OPTIONS: children and threads of every kind get ours, wherever they start', () => {
  for (const options of ['--import oxipc/register', '--require oxipc/register']) {
    const result = run({ options, kinds: ['all'] });
    assert.deepEqual(result.children, everyKind(true, result));
  }
});

test('flags: forked children and threads get ours, wherever they start', () => {
  for (const flag of ['--import', '--require']) {
    const result = run({ flags: [flag, 'oxipc/register'], kinds: ['all'] });
    // Node gives its flags to forked children only.
    assert.deepEqual(result.children, { ...everyKind(true, result), spawn: false });
  }
});

test('what a program writes into NODE_OPTIONS stays', () => {
  const program = "process.env.NODE_OPTIONS += ' --no-warnings'; console.log(process.env.NODE_OPTIONS)";
  const env = { ...process.env, NODE_OPTIONS: '--import oxipc/register' };
  const output = execFileSync(process.execPath, ['-e', program], { encoding: 'utf8', cwd: __dirname, env });
  assert.equal(output, `--import ${register} --no-warnings\n`);
});

// A copy of our JavaScript in a folder with such a name.
let folder;
const copied = () => path.join(folder, 'node_modules', 'oxipc', 'lib', 'register.js');

before(() => {
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc a "quoted" b% # ')));
  const copy = path.join(folder, 'node_modules', 'oxipc');
  const lib = path.join(root, 'lib');
  // The addon is large, and its own path does not matter.
  const isAddon = (file) => file.endsWith('.node');
  fs.cpSync(lib, path.join(copy, 'lib'), { recursive: true, filter: (file) => !isAddon(file) });
  for (const file of fs.readdirSync(lib).filter(isAddon)) {
    fs.symlinkSync(path.join(lib, file), path.join(copy, 'lib', file));
  }
  fs.copyFileSync(path.join(root, 'package.json'), path.join(copy, 'package.json'));
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

test('a path with blanks, quotes, per cent and number signs', () => {
  const url = pathToFileURL(copied()).href;
  const quoted = `"${copied().replaceAll('"', '\\"')}"`;
  const kinds = ['fork elsewhere', 'worker'];
  for (const [flag, name, inOptions] of [
    ['--import', url, url],
    ['--require', copied(), quoted],
  ]) {
    const byFlag = run({ flags: [flag, 'oxipc/register'], kinds, cwd: folder });
    assert.deepEqual(byFlag.execArgv, [flag, name]);
    const byOptions = run({ options: `${flag} oxipc/register`, kinds: [...kinds, 'spawn'], cwd: folder });
    assert.equal(byOptions.options, `${flag} ${inOptions}`);
    for (const result of [byFlag, byOptions]) assert.deepEqual(result.children, everyKind(true, result));
  }
  const together = run({
    options: '--require=./node_modules/oxipc/lib/register.js',
    kinds: ['spawn'],
    cwd: folder,
  });
  assert.equal(together.options, `"--require=${quoted.slice(1)}`);
  assert.equal(together.children.spawn, true);
});
