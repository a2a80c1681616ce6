'use strict';

// Programs in TypeScript for the originals compile with only the module's name changed, against both releases of Node's
// types, and every name that the originals' types have is there.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const ROOT = path.join(__dirname, '..', '..');
const PROGRAMS = path.join(__dirname, 'programs');
const TSC = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');

// Original -> ours; the longest name first.
const MODULES = new Map([
  ['node:child_process', 'oxipc/child_process'],
  ['node:net', 'oxipc/net'],
  ['amqplib/callback_api', 'oxipc/amqplib/callback_api'],
  ['amqplib', 'oxipc/amqplib'],
]);

const NODE_TYPES = new Map([
  [20, path.join(ROOT, 'node_modules', '@types')],
  [26, path.join(ROOT, 'node_modules', '@types-26')],
]);

/** A folder in which `oxipc` and amqplib are installed. */
function makeProject(t, typeRoot) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-programs-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  fs.mkdirSync(path.join(folder, 'node_modules'));
  fs.symlinkSync(ROOT, path.join(folder, 'node_modules', 'oxipc'));
  fs.symlinkSync(path.join(ROOT, 'node_modules', 'amqplib'), path.join(folder, 'node_modules', 'amqplib'));
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    types: ['node'],
    typeRoots: [typeRoot],
    strict: true,
    noImplicitOverride: true,
    noEmit: true,
  };
  fs.writeFileSync(
    path.join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['*.ts'] }),
  );
  return folder;
}

/** What the compiler says of a folder; empty when it has nothing against it. */
const compile = (folder) =>
  new Promise((resolve) => {
    execFile(process.execPath, [TSC, '-p', folder], (_error, stdout, stderr) => resolve(stdout + stderr));
  });

function withOurs(source) {
  let ours = source;
  for (const [original, name] of MODULES) ours = ours.replaceAll(`from '${original}'`, `from '${name}'`);
  return ours;
}

for (const [release, typeRoot] of NODE_TYPES) {
  test(`programs compile as they are, and with ours: types of Node ${release}`, async (t) => {
    const folder = makeProject(t, typeRoot);
    for (const name of fs.readdirSync(PROGRAMS)) {
      const source = fs.readFileSync(path.join(PROGRAMS, name), 'utf8');
      assert.notEqual(withOurs(source), source);
      fs.writeFileSync(path.join(folder, `original-${name}`), source);
      fs.writeFileSync(path.join(folder, `ours-${name}`), withOurs(source));
    }
    assert.equal(await compile(folder), '');
  });

  test(`every name of the originals' types is there: types of Node ${release}`, async (t) => {
    const folder = makeProject(t, typeRoot);
    const amqplib = path.join(ROOT, 'node_modules', 'amqplib');
    const nodes = (name) => namesIn(path.join(typeRoot, 'node', `${name}.d.ts`), /^ {4}(?:export )?/);
    const properties = namesIn(path.join(amqplib, 'lib', 'properties.d.ts'), /^export /);
    for (const [module, names] of [
      ['oxipc/child_process', nodes('child_process')],
      ['oxipc/net', nodes('net')],
      ['oxipc/amqplib', [...namesIn(path.join(amqplib, 'index.d.ts'), /^export /), ...properties]],
      [
        'oxipc/amqplib/callback_api',
        [...namesIn(path.join(amqplib, 'callback_api.d.ts'), /^export /), ...properties],
      ],
    ]) {
      assert.ok(names.length > 20, `${module}: ${names}`);
      const file = path.join(folder, `${module.replaceAll('/', '-')}.ts`);
      fs.writeFileSync(file, `export type { ${names.join(', ')} } from '${module}';\n`);
    }
    assert.equal(await compile(folder), '');
  });
}

test('what does not compile is seen', async (t) => {
  const folder = makeProject(t, NODE_TYPES.get(20));
  fs.writeFileSync(path.join(folder, 'wrong.ts'), "export type { NoSuchName } from 'oxipc/net';\n");
  assert.match(await compile(folder), /wrong\.ts.*NoSuchName/);
});

/** The names that a declaration file exports; `start` is how such a line begins. */
function namesIn(file, start) {
  const line = new RegExp(
    `${start.source}(?:declare )?(?:abstract )?(?:interface|type|class|function|const|namespace) (\\w+)`,
    'gm',
  );
  const source = fs.readFileSync(file, 'utf8');
  return [...new Set([...source.matchAll(line)].map(([, name]) => name))];
}
