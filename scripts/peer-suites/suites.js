'use strict';

// The suites, and how each runs. `version` is what the numbers were taken with (another one runs too). `node` is the release
// to run under; `prepare` follows `npm install`; `command` prints TAP, `files` lists tests that are programs of their own,
// `report` is a file of Jest's. `servers` are started for the suite, on the ports that it expects. `expected` has the tests
// that fail with the register only, each with its reason.

const AVA = ['node_modules/.bin/ava', '--tap'];
const MOCHA = ['node_modules/.bin/mocha', '--reporter', 'tap'];
const JEST = ['node_modules/.bin/jest', '--runInBand', '--json', '--outputFile', 'peer-suite.json'];

const usesNet = /'(?:node:)?(?:net|tls)'/;

module.exports = [
  {
    name: 'execa',
    version: '10.0.1',
    node: '24',
    // The newest AVA does not install everywhere; the suite is the same.
    packages: ['ava@7'],
    command: AVA,
    limitMinutes: 40,
    expected: {},
  },
  { name: 'nano-spawn', version: '0.1.0', node: '24', command: AVA, expected: {} },
  {
    name: 'cross-spawn',
    version: '7.0.6',
    command: [...JEST, '--env', 'node'],
    report: 'peer-suite.json',
    expected: {},
  },
  {
    name: 'ws',
    version: '8.21.0',
    command: [...MOCHA, '--exit', '--throw-deprecation', 'test/*.test.js'],
    expected: {},
  },
  {
    name: 'undici',
    version: '8.10.0',
    node: '24',
    files: {
      folder: 'test',
      pattern: /^(?!fixtures|fuzzing).*\.js$/,
      deep: true,
      containing: usesNet,
      args: ['--expose-gc'],
    },
    prepare: [['node', 'scripts/generate-pem.js']],
    expected: {},
  },
  { name: 'tree-kill', version: '1.2.2', command: MOCHA, expected: {} },
  {
    name: 'ioredis',
    version: '6.0.0',
    servers: ['redis'],
    env: { TS_NODE_TRANSPILE_ONLY: 'true', NODE_ENV: 'test' },
    command: [...MOCHA, '--exit', 'test/helpers/*.ts', 'test/unit/**/*.ts', 'test/functional/**/*.ts'],
    expected: {},
  },
  {
    name: 'pg',
    version: '8.23.0',
    servers: ['postgres'],
    prepare: [['node_modules/.bin/tsc', '--build']],
    files: {
      folder: 'packages/pg/test',
      pattern: /^(?:unit|integration)\/.*-tests\.js$/,
      deep: true,
      cwd: 'packages/pg',
    },
    expected: {},
  },
  {
    name: 'mqtt',
    version: '5.14.1',
    command: [
      '-r',
      'esbuild-register',
      '--test',
      '--test-reporter=tap',
      '--test-concurrency=2',
      'test/node/*.ts',
    ],
    expected: {},
  },
  {
    name: 'amqp-connection-manager',
    version: '5.0.0',
    servers: ['rabbitmq'],
    prepare: [['node_modules/.bin/tsc', '-p', 'test']],
    command: JEST,
    report: 'peer-suite.json',
    expected: {},
  },
];
