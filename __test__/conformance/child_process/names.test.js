'use strict';

// Nothing of ours lies where a program may look or put its own: objects of Node's kind have Node's names, and options that
// Node ignores do nothing.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const nodes = require('node:child_process');
const ours = require('../../../lib/child_process');
const { needsAddon } = require('../../support/needs-addon');
const { compare, compareCall, outputsOf } = require('./compare');

// Each meets an option of ours, of a wrapper (execa, nano-spawn, zx), or a word that this package uses inside.
const FOREIGN = {
  all: true,
  buffer: false,
  cancelSignal: 'none',
  cleanup: true,
  deathSignal: 9,
  dieWithParent: 'no signal',
  fd: 1,
  file: 'false',
  forceKillAfter: 'soon',
  forceKillAfterDelay: 1,
  input: 7,
  isLimited: true,
  lines: true,
  messages: true,
  mode: 0,
  onMaxBuffer: 'whatever',
  owner: {},
  recovery: true,
  reject: false,
  resourceUsage: true,
  stripFinalNewline: true,
  takeOver: true,
};

const SCRIPT = 'echo out; echo err >&2; exit 3';

/** Everything that can be enumerated, and every own name. */
function namesOf(object) {
  const inherited = [];
  for (const name in object) inherited.push(name);
  return {
    inherited: inherited.sort(),
    own: Object.getOwnPropertyNames(object).sort(),
    keys: Object.keys(object).sort(),
  };
}

const isEnumerable = (object, key) => Object.prototype.propertyIsEnumerable.call(object, key);

test('the module enumerates what the original does', () => {
  assert.deepEqual(namesOf(ours).inherited, namesOf(nodes).inherited);
  for (const name of ['killTree', 'resourceUsage', 'run', 'RunError', 'setDieWithParent']) {
    assert.equal(Object.hasOwn(ours, name), true, name);
    assert.equal(isEnumerable(ours, name), false, name);
  }
});

test('ChildProcess and its prototype have the names of the original', () => {
  assert.deepEqual(namesOf(ours.ChildProcess), namesOf(nodes.ChildProcess));
  const [actual, expected] = [ours.ChildProcess.prototype, nodes.ChildProcess.prototype];
  assert.deepEqual(namesOf(actual), namesOf(expected));
  const symbols = (object) => Object.getOwnPropertySymbols(object).filter((key) => isEnumerable(object, key));
  assert.deepEqual(symbols(actual), symbols(expected));
});

for (const [kind, start] of [
  ['spawn', (module) => module.spawn('sh', ['-c', SCRIPT], { ...FOREIGN })],
  ['execFile', (module) => module.execFile('sh', ['-c', SCRIPT], { ...FOREIGN }, () => {})],
  [
    'fork',
    (module) => module.fork(require.resolve('./child-programs'), ['report'], { ...FOREIGN, silent: true }),
  ],
]) {
  compare(
    `a child of ${kind} has the names of the original, from its start to its end`,
    async (module, log) => {
      const child = start(module);
      const look = () =>
        log(
          namesOf(child),
          ['all', 'killTree', 'resourceUsage'].map((name) => name in child),
        );
      look();
      await once(child, 'spawn');
      look();
      await once(child, 'close');
      look();
    },
  );
}

compare('spawn ignores what the original ignores', async (module, log) => {
  const child = module.spawn('sh', ['-c', SCRIPT], { ...FOREIGN });
  log(child.stderr === null, Object.hasOwn(child, 'all'), child.spawnfile, child.spawnargs);
  log(await outputsOf(child));
});

for (const name of ['exec', 'execFile']) {
  compare(`${name} ignores what the original ignores`, async (module, log) => {
    const args = name === 'exec' ? [SCRIPT] : ['sh', ['-c', SCRIPT]];
    await new Promise((resolve) => {
      module[name](...args, { ...FOREIGN, maxBuffer: 100 }, (...results) => resolve(log(...results)));
    });
  });
}

compare('fork ignores what the original ignores', async (module, log) => {
  const program = require.resolve('./child-programs');
  const child = module.fork(program, ['echo'], { ...FOREIGN, silent: true });
  child.send('hello');
  log(...(await once(child, 'message')));
  child.disconnect();
  log(...(await once(child, 'exit')));
});

const { input: _, ...SYNCHRONOUS } = FOREIGN;

compareCall('spawnSync ignores what the original ignores', ({ spawnSync }) => {
  const { pid, ...result } = spawnSync('sh', ['-c', SCRIPT], SYNCHRONOUS);
  return [pid > 0, result];
});

compareCall('execSync ignores what the original ignores', ({ execSync }) =>
  execSync('echo out', SYNCHRONOUS),
);

compareCall('execFileSync ignores what the original ignores', ({ execFileSync }) =>
  execFileSync('echo', ['out'], SYNCHRONOUS),
);

test('the functions of this module refuse what is no child of it', { skip: needsAddon }, async () => {
  const refused = {
    code: 'ERR_INVALID_ARG_TYPE',
    message: /"child" argument must be an instance of ChildProcess/,
  };
  const foreign = nodes.spawn('true');
  for (const child of [undefined, {}, foreign]) {
    assert.throws(() => ours.resourceUsage(child), refused);
    await assert.rejects(ours.killTree(child), refused);
  }
  await once(foreign, 'close');
});
