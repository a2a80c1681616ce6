'use strict';

// Which JavaScript tests there are, and which of them run under which Node.

const fs = require('node:fs');
const path = require('node:path');
const { root } = require('../setup/stamp');
const { SetupError } = require('../setup/stop');

const testFolder = path.join(root, '__test__');

// The Node that runs `npm test` runs everything. These run the folders below too, so that what Node changed between
// releases is seen where it counts: beside the original of each release.
const OTHER_NODES = ['22', '24', '26'];

// Also run without the addon, when the modules are Node's own: the tests then compare Node with Node.
const WITHOUT_ADDON = ['child_process', 'net'].map((name) => path.join('conformance', name));
const REFUSE_FALLBACK = { OXIPC_FALLBACK: 'never' };
const NO_ADDON = { OXIPC_ADDON: 'none', OXIPC_FALLBACK: 'silent' };
const ON_EVERY_NODE = ['conformance', 'fallback', 'lifecycle', 'register', 'resolve'];

// Tests that use this file, by themselves or through what they require, are why `npm test` starts a RabbitMQ.
const sharedRabbitmq = path.join(testFolder, 'support', 'rabbitmq.js');

// Two cores are what CI has; each file is a process that often starts others.
const CONCURRENCY = 2;

// Bounds for a file of tests (node's own, then that for all it started): a hang is a failure, not a stuck run. The longest
// file starts RabbitMQ a dozen times, 130 s on two idle cores.
const TEST_LIMIT_MS = 420_000;
const FILE_LIMIT_MS = 480_000;

function javaScriptFiles() {
  return fs
    .readdirSync(testFolder, { recursive: true })
    .filter((file) => /\.[cm]?js$/.test(file) && !file.includes('node_modules'))
    .map((file) => path.join(testFolder, file))
    .sort();
}

const isTest = (file) => /\.test\.[cm]?js$/.test(file);

// A test under another name would never run, and nothing would say so.
function refuseMisnamedTests(files) {
  const registersTests = (file) => {
    const source = fs.readFileSync(file, 'utf8');
    return /(require\(|from )'node:test'/.test(source) && /^(test|it|describe|suite)(\.\w+)?\(/m.test(source);
  };
  const misnamed = files.filter((file) => !isTest(file) && registersTests(file));
  if (misnamed.length === 0) return;
  throw new SetupError(`name files with tests *.test.js; not so: ${misnamed.join(', ')}`);
}

function testFiles(patterns = []) {
  const files = javaScriptFiles();
  refuseMisnamedTests(files);
  const wanted = (file) =>
    patterns.length === 0 || patterns.some((pattern) => path.relative(root, file).includes(pattern));
  return files.filter((file) => isTest(file) && wanted(file));
}

function runsOnEveryNode(file) {
  return ON_EVERY_NODE.includes(path.relative(testFolder, file).split(path.sep)[0]);
}

/** Node's modules may not be tested for ours unnoticed, nor ours for Node's. */
function environmentOf(isNative) {
  return isNative ? REFUSE_FALLBACK : NO_ADDON;
}

function runsWithoutAddon(file) {
  const isConformance = WITHOUT_ADDON.some((folder) =>
    path.relative(testFolder, file).startsWith(folder + path.sep),
  );
  // Files behind the public modules load the addon.
  return isConformance && !/lib\/(native|net\/|child_process\/)/.test(fs.readFileSync(file, 'utf8'));
}

function usesRabbitmq(file, seen = new Set()) {
  if (file === sharedRabbitmq) return true;
  if (seen.has(file) || !file.startsWith(testFolder) || !fs.existsSync(file)) return false;
  seen.add(file);
  const required = [...fs.readFileSync(file, 'utf8').matchAll(/(?:require\(|from )'(\.[^']*)'/g)];
  return required.some(([, name]) => {
    const target = path.resolve(path.dirname(file), name);
    return usesRabbitmq(/\.[cm]?js$/.test(target) ? target : `${target}.js`, seen);
  });
}

module.exports = {
  CONCURRENCY,
  FILE_LIMIT_MS,
  TEST_LIMIT_MS,
  OTHER_NODES,
  environmentOf,
  runsOnEveryNode,
  runsWithoutAddon,
  testFiles,
  testFolder,
  usesRabbitmq,
};
