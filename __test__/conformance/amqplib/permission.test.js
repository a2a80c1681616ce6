'use strict';

// Node's permission model (--permission without --allow-net), by amqplib, by ours and by the broker.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');

const program = path.join(__dirname, 'programs', 'permission.js');
const lib = path.join(__dirname, '..', '..', '..', 'lib');

const skip =
  !process.allowedNodeEnvironmentFlags.has('--allow-net') && 'this Node has no permission for the network';

function linesOf(...modules) {
  const flags = ['--no-warnings', '--permission', '--allow-addons', '--allow-fs-read=*'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, program, ...modules], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return stdout.trim().split('\n');
}

test('without --allow-net no connection is opened, with the errors of amqplib', { skip }, () => {
  const nodes = linesOf('amqplib', 'amqplib/callback_api');
  const ours = linesOf(
    path.join(lib, 'amqplib'),
    path.join(lib, 'amqplib', 'callback-api'),
    path.join(lib, 'broker'),
  );
  assert.equal(nodes.length, 10);
  assert.deepEqual(ours.slice(0, 10), nodes);

  const denied = (resource) => ({
    class: 'Error',
    message: 'Access to this API has been restricted. Use --allow-net to manage permissions.',
    code: 'ERR_ACCESS_DENIED',
    permission: 'Net',
    resource,
  });
  const [port, file, name] = ours.slice(10).map((line) => JSON.parse(line)[1]);
  assert.deepEqual([port, file], [denied(''), denied('broker.sock')]);
  assert.equal(name.message, 'getaddrinfo ERR_ACCESS_DENIED localhost');
});
