// NestJS' RabbitMQ transport, unchanged, on ours.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { before, test } = require('node:test');
const { ensurePackages } = require('../../scripts/setup/packages');
const { rabbitmq } = require('../support/rabbitmq');

const register = path.join(__dirname, '..', '..', 'lib', 'register.js');

before(() => ensurePackages(path.join('__test__', 'clients')));

test('a NestJS microservice and its client talk on ours', { skip: rabbitmq.skip }, async (t) => {
  const child = fork(path.join(__dirname, 'programs', 'nest.mjs'), [rabbitmq.url], {
    execArgv: ['--import', register],
  });
  t.after(() => child.kill('SIGKILL'));
  const told = [];
  child.on('message', (message) => told.push(message));
  const [code] = await once(child, 'exit');
  assert.deepEqual(told, [
    {
      event: 'done',
      correct: 200,
      counted: [0, 1, 2, 3, 4],
      failure: 'no such number',
      noted: 200,
      loaded: { ours: true, original: false },
    },
  ]);
  assert.equal(code, 0);
});
