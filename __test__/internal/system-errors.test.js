'use strict';

const assert = require('node:assert/strict');
const child_process = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { _exceptionWithHostPort } = require('node:util');

const {
  errnoException,
  exceptionWithHostPort,
  uvExceptionWithHostPort,
  uvException,
  genericNodeError,
  NodeAggregateError,
} = require('../../lib/internal/system-errors');
const { assertSameError } = require('../assert-same-error');
const { thrownBy } = require('./thrown-by');

const { errno } = require('node:os').constants;
const missing = path.join(tmpdir(), 'oxipc-missing', 'x');

test('a program that does not exist gives the error that Node makes', async () => {
  const [nodes] = await once(child_process.spawn(missing, ['a']), 'error');
  const ours = Object.assign(errnoException(-errno.ENOENT, `spawn ${missing}`), {
    path: missing,
    spawnargs: ['a'],
  });
  assertSameError(ours, nodes);
});

test('a signal to a process that does not exist gives the error that Node makes', () => {
  // Above the largest pid that Linux hands out (PID_MAX_LIMIT).
  const nodes = thrownBy(() => process.kill(2 ** 22 + 1, 0));
  assertSameError(errnoException(-errno.ESRCH, 'kill'), nodes);
});

test('an errno that nobody knows, or a further detail, goes into the message', () => {
  assert.equal(errnoException(-99999, 'read').message, 'read Unknown system error -99999');
  assert.equal(errnoException(-errno.EPIPE, 'write', 'to the child').message, 'write EPIPE to the child');
});

const peers = [
  [-errno.ECONNREFUSED, 'connect', '127.0.0.1', 80],
  [-errno.ECONNREFUSED, 'connect', '::1', 80, '0.0.0.0:0'],
  [-errno.ENOENT, 'connect', '/run/x'],
  [-errno.EADDRINUSE, 'bind', '::1', 0],
  [-errno.EADDRINUSE, 'bind', null, -1],
  [-errno.EACCES, 'connect', undefined, undefined, 'x'],
  [-99999, 'connect', 'a', '7'],
];

for (const args of peers) {
  test(`exceptionWithHostPort(${args.join(', ')}) is the error that Node makes`, () => {
    assertSameError(exceptionWithHostPort(...args), _exceptionWithHostPort(...args));
  });
}

test('a socket path that does not exist gives the error that Node makes', async () => {
  const [nodes] = await once(net.connect(missing), 'error');
  assertSameError(exceptionWithHostPort(-errno.ENOENT, 'connect', missing), nodes);
});

test('a port in use gives the error that Node makes', async () => {
  const first = net.createServer().listen(0, '127.0.0.1');
  await once(first, 'listening');
  const { port } = first.address();
  const [nodes] = await once(net.createServer().listen(port, '127.0.0.1'), 'error');
  first.close();
  assertSameError(uvExceptionWithHostPort(-errno.EADDRINUSE, 'listen', '127.0.0.1', port), nodes);
});

test('a socket path that cannot be bound gives the error that Node makes', async () => {
  const [nodes] = await once(net.createServer().listen(missing), 'error');
  assertSameError(uvExceptionWithHostPort(nodes.errno, 'listen', missing, -1), nodes);
});

test('an error with two paths is the one that Node makes', () => {
  const nodes = thrownBy(() => process.chdir(missing));
  const ours = uvException({ errno: -errno.ENOENT, syscall: 'chdir', path: process.cwd(), dest: missing });
  assertSameError(ours, nodes);
});

test('an error without a path, or with an errno that nobody knows, still names the call', () => {
  assert.equal(
    uvException({ errno: -errno.EBADF, syscall: 'fstat' }).message,
    'EBADF: bad file descriptor, fstat',
  );
  assert.equal(uvException({ errno: -99999, syscall: 'open' }).message, 'UNKNOWN: unknown error, open');
  assert.equal(
    uvException({ errno: -errno.EBADF, syscall: 'open', message: 'closed' }).message,
    'EBADF: closed, open',
  );
});

test('a failed command gives the error that Node makes', async () => {
  const nodes = await new Promise((resolve) => child_process.exec('echo wrong >&2; exit 3', resolve));
  const { cmd } = nodes;
  assertSameError(
    genericNodeError(`Command failed: ${cmd}\nwrong\n`, { code: 3, killed: false, signal: null, cmd }),
    nodes,
  );
});

test('a connection of which every attempt failed gives the error that Node makes', async () => {
  // No stream can be opened to a broadcast or multicast address, whatever the network.
  const addresses = [
    { address: '255.255.255.255', family: 4 },
    { address: 'ff02::1', family: 6 },
  ];
  const lookup = (host, options, callback) => callback(null, addresses);
  const [nodes] = await once(net.connect({ host: 'name', port: 9, lookup, autoSelectFamily: true }), 'error');
  assert.equal(nodes.errors.length, 2);
  assertSameError(new NodeAggregateError([...nodes.errors]), nodes);
  assert.equal(new NodeAggregateError(nodes.errors).code, nodes.errors[0].code);
});

test('the code of an aggregate without errors is undefined', () => {
  assert.equal(new NodeAggregateError([], 'none').code, undefined);
});

test('the stack begins at the caller', () => {
  const made = [
    errnoException(-errno.EPERM, 'kill'),
    exceptionWithHostPort(-errno.EPERM, 'bind', 'a'),
    uvExceptionWithHostPort(-errno.EPERM, 'listen', 'a'),
    uvException({ errno: -errno.EPERM, syscall: 'open' }),
    genericNodeError('x', {}),
  ];
  for (const error of made) {
    assert.match(error.stack.split('\n    at ')[1], new RegExp(path.basename(__filename)));
  }
});
