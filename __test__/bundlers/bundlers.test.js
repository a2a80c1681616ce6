// docs/bundlers.md: programs that use ours, bundled with oxipc outside of the bundle, and with it inside.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { promisify } = require('node:util');
const { ensurePackages } = require('../../scripts/setup/packages');

const root = path.join(__dirname, '..', '..');
const bundler = createRequire(__filename);

// Ours and its parts, by the names that programs use.
const EXTERNAL = /^oxipc(\/|$)/;
const NAMES = Object.keys(require('../../package.json').exports).map((entry) =>
  path.posix.join('oxipc', entry),
);

// Each makes `out` (a folder) and returns the file in it to run.
const outside = {
  'esbuild, CommonJS': (out) => esbuild('app.cjs', path.join(out, 'app.cjs'), { external: ['oxipc'] }),
  'esbuild, ES module': (out) =>
    esbuild('app.mjs', path.join(out, 'app.mjs'), { external: ['oxipc'], format: 'esm' }),
  rollup: async (out) => {
    const file = path.join(out, 'app.mjs');
    const onwarn = (warning) => assert.fail(warning.message);
    const external = [EXTERNAL, /^node:/];
    const bundle = await bundler('rollup').rollup({ input: input('app.mjs'), external, onwarn });
    await bundle.write({ file, format: 'es' });
    return file;
  },
  webpack: (out) => webpack(out, { externals: [EXTERNAL], externalsType: 'commonjs' }),
  ncc: (out) => ncc(out, { externals: NAMES }),
};

const inside = {
  esbuild: (out) => esbuild('app.cjs', path.join(out, 'app.cjs'), { loader: { '.node': 'copy' } }),
  webpack: (out) =>
    webpack(out, { module: { rules: [{ test: /\.node$/, loader: bundler.resolve('node-loader') }] } }),
  ncc: (out) => ncc(out, {}),
};

let project;
const input = (name) => path.join(project, name);

async function esbuild(name, outfile, options) {
  const entryPoints = [input(name)];
  const log = { logLevel: 'silent' };
  await bundler('esbuild').build({
    entryPoints,
    outfile,
    bundle: true,
    platform: 'node',
    ...log,
    ...options,
  });
  return outfile;
}

async function webpack(out, options) {
  const stats = await promisify(bundler('webpack'))({
    mode: 'development',
    devtool: false,
    target: 'node',
    entry: input('app.cjs'),
    output: { path: out, filename: 'app.cjs' },
    ...options,
  });
  assert.deepEqual(stats.toJson({ all: false, errors: true }).errors, []);
  return path.join(out, 'app.cjs');
}

async function ncc(out, options) {
  const { code, assets } = await bundler('@vercel/ncc')(input('app.cjs'), { quiet: true, ...options });
  for (const [name, { source }] of Object.entries(assets)) fs.writeFileSync(path.join(out, name), source);
  fs.writeFileSync(path.join(out, 'app.cjs'), code);
  return path.join(out, 'app.cjs');
}

const outputOf = (file) => execFileSync(process.execPath, [file], { encoding: 'utf8' }).trim();

describe('bundlers', () => {
  before(async () => {
    await ensurePackages(path.join('__test__', 'bundlers'));
    project = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-bundlers-'));
    for (const name of ['app.cjs', 'app.mjs'])
      fs.copyFileSync(path.join(__dirname, 'programs', name), path.join(project, name));
    fs.mkdirSync(path.join(project, 'node_modules'));
    fs.symlinkSync(root, path.join(project, 'node_modules', 'oxipc'));
  });
  after(() => project && fs.rmSync(project, { recursive: true }));

  for (const [name, bundle] of Object.entries(outside)) {
    test(`${name}, oxipc outside of the bundle`, async () => {
      const file = await bundle(fs.mkdtempSync(path.join(project, 'out-')));
      assert.match(fs.readFileSync(file, 'utf8'), /oxipc\/net/);
      assert.equal(outputOf(file), 'true from a child from a server');
    });
  }

  for (const [name, bundle] of Object.entries(inside)) {
    test(`${name}, oxipc inside the bundle`, async (t) => {
      const out = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-bundle-'));
      t.after(() => fs.rmSync(out, { recursive: true }));
      const file = await bundle(out);
      assert.equal(outputOf(file), 'true from a child from a server');
    });
  }
});
