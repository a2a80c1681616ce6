'use strict';

const assert = require('node:assert/strict');
const child_process = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { Readable } = require('node:stream');
const { test } = require('node:test');
const tty = require('node:tty');
const { inspect } = require('node:util');

const errors = require('../../lib/internal/errors');
const { AbortError } = require('../../lib/internal/abort-error');
const { trimStack } = require('../../lib/internal/node-error');
const { assertSameError } = require('../assert-same-error');
const { forkIdle, sendToChild } = require('./idle-child');
const { thrownBy } = require('./thrown-by');

const major = Number(process.versions.node.split('.')[0]);
const newSince = (version) => major < version && `not in Node before ${version}`;

// Each row: the code, our arguments, and what makes Node throw or report the same error.
const provocations = [
  ['ERR_CHILD_CLOSED_BEFORE_REPLY', [], killBeforeReply],
  ['ERR_CHILD_PROCESS_IPC_REQUIRED', ['options.stdio'], () => child_process.fork('x', { stdio: ['pipe'] })],
  ['ERR_CHILD_PROCESS_STDIO_MAXBUFFER', ['stdout'], exceedMaxBuffer, { ignore: ['cmd'] }],
  ['ERR_INVALID_ADDRESS_FAMILY', [9, 'name', 1], () => connectTo('127.0.0.1', 9)],
  ['ERR_INVALID_ARG_TYPE', ['file', 'string', 1], () => child_process.spawn(1)],
  ['ERR_INVALID_ARG_VALUE', ['file', '', 'cannot be empty'], () => child_process.spawn('')],
  [
    'ERR_INVALID_ARG_VALUE',
    ['stdio', 'x'.repeat(200)],
    () => child_process.spawn('x', { stdio: 'x'.repeat(200) }),
  ],
  ['ERR_INVALID_FD', [-1], () => new tty.ReadStream(-1)],
  ['ERR_INVALID_FD_TYPE', ['FILE'], socketOnFile],
  ['ERR_INVALID_HANDLE_TYPE', [], () => sendToChild('message', {})],
  ['ERR_INVALID_IP_ADDRESS', ['x'], () => net.connect({ port: 1, localAddress: 'x' })],
  ['ERR_INVALID_IP_ADDRESS', ['zz'], () => connectTo('zz', 4)],
  ['ERR_INVALID_STATE', ['ReadableStream is locked'], getSecondReader],
  ['ERR_INVALID_SYNC_FORK_INPUT', ["'text'"], () => child_process.spawn('x', { stdio: ['text'] })],
  [
    'ERR_IPC_CHANNEL_CLOSED',
    [],
    () => afterDisconnect((child) => new Promise((resolve) => child.send(1, resolve))),
  ],
  ['ERR_IPC_DISCONNECTED', [], () => afterDisconnect(disconnectAgain)],
  ['ERR_IPC_ONE_PIPE', [], () => child_process.spawn('x', { stdio: ['ipc', 'ipc'] })],
  ['ERR_IPC_SYNC_FORK', [], () => child_process.spawnSync('x', { stdio: ['ipc'] })],
  ['ERR_IP_BLOCKED', ['127.0.0.1'], connectToBlocked, { skip: newSince(22) }],
  ['ERR_METHOD_NOT_IMPLEMENTED', ['_read()'], () => new Readable()._read()],
  ['ERR_MISSING_ARGS', ['message'], () => sendToChild()],
  ['ERR_MISSING_ARGS', [['options', 'port', 'path']], () => net.connect({})],
  ['ERR_OUT_OF_RANGE', ['value', 'an integer', 1.5], () => net.setDefaultAutoSelectFamilyAttemptTimeout(1.5)],
  ['ERR_SERVER_ALREADY_LISTEN', [], listenTwice],
  ['ERR_SERVER_NOT_RUNNING', [], () => new Promise((resolve) => new net.Server().close(resolve))],
  ['ERR_SOCKET_BAD_PORT', ['Port', 'x'], () => net.connect({ port: 'x' })],
  ['ERR_SOCKET_BAD_PORT', ['options.port', 65536], () => net.createServer().listen({ port: 65536 })],
  ['ERR_SOCKET_CLOSED', [], resetClosedSocket],
  ['ERR_SOCKET_CLOSED_BEFORE_CONNECTION', [], destroyWhileConnecting],
  ['ERR_SOCKET_HANDLE_ADOPTED', [], useBoundSocketTwice, { skip: !net.BoundSocket && 'no net.BoundSocket' }],
  ['ERR_UNKNOWN_ENCODING', ['foo'], () => new Readable().setEncoding('foo')],
  ['ERR_UNKNOWN_SIGNAL', ['SIGNONE'], () => process.kill(process.pid, 'SIGNONE')],
  ['ERR_UNKNOWN_SIGNAL', [-5], () => child_process.spawnSync('x', { killSignal: -5 })],
  ['ERR_WORKER_HANDLE_NOT_TRANSFERABLE', ['net.Socket'], transferSocket, { skip: newSince(24) }],
];

for (const [code, args, provoke, { ignore = [], skip = false } = {}] of provocations) {
  test(`${code} for (${inspect(args, { maxStringLength: 20 }).slice(1, -1).trim()}) is the error that Node makes`, {
    skip,
  }, async () => {
    const nodes = await resultOf(provoke);
    for (const property of ignore) delete nodes[property];
    assertSameError(new errors[code](...args), nodes);
  });
}

test('every error that can be provoked is compared with the one of Node', () => {
  const compared = new Set(provocations.map(([code]) => code));
  const uncompared = Object.keys(errors).filter((code) => !compared.has(code));
  assert.deepEqual(uncompared, [
    'ERR_INTERNAL_ASSERTION',
    'ERR_SOCKET_CONNECTION_TIMEOUT',
    // Against a TLS server in conformance/amqplib/tls.test.js.
    'ERR_TLS_DH_PARAM_SIZE',
  ]);
});

test('an internal assertion says what was wrong and that it is our defect', () => {
  const error = new errors.ERR_INTERNAL_ASSERTION('no such handle');
  assert.match(error.message, /^no such handle\nThis is a bug in oxipc/);
  assert.equal(error.code, 'ERR_INTERNAL_ASSERTION');
});

test('an aborted command gives the AbortError that Node makes', async () => {
  const controller = new AbortController();
  const reported = new Promise((resolve) => {
    child_process.execFile(process.execPath, ['-e', ''], { signal: controller.signal }, resolve);
  });
  controller.abort(new Error('enough'));
  const nodes = await reported;
  delete nodes.cmd;

  const ours = new AbortError(undefined, { cause: controller.signal.reason });
  assert.equal(nodes.constructor.name, 'AbortError');
  Object.defineProperty(nodes, 'constructor', { value: AbortError, enumerable: false, configurable: true });
  Object.defineProperty(ours, 'constructor', { value: AbortError, enumerable: false, configurable: true });
  assertSameError(ours, nodes);
});

test('AbortError refuses options that are no object', () => {
  assert.throws(() => new AbortError('x', 1), { code: 'ERR_INVALID_ARG_TYPE', name: 'TypeError' });
});

test('the stack of an error begins where it was made', () => {
  const [, firstFrame] = new errors.ERR_SOCKET_CLOSED().stack.split('\n');
  assert.match(firstFrame, new RegExp(path.basename(__filename)));
});

test('trimStack hides a function and all that it called', () => {
  const inner = (callee) => trimStack(new errors.ERR_SOCKET_CLOSED(), callee);
  const outer = () => inner(outer);
  assert.doesNotMatch(outer().stack, /inner|outer/);
  assert.match(outer().stack, /^Error \[ERR_SOCKET_CLOSED\]: Socket is closed\n/);
});

test('errors work with stack traces switched off', () => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    const error = trimStack(new errors.ERR_UNKNOWN_SIGNAL('SIGNONE'), thrownBy);
    assert.equal(error.stack, 'TypeError [ERR_UNKNOWN_SIGNAL]: Unknown signal: SIGNONE');
  } finally {
    Error.stackTraceLimit = limit;
  }
});

async function resultOf(provoke) {
  try {
    return await provoke();
  } catch (error) {
    return error;
  }
}

// A server asks the children that hold its sockets how many there are; this one cannot answer any more.
async function killBeforeReply() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  const [socket] = await once(server, 'connection');
  const child = child_process.fork('-', {
    execArgv: ['-e', "process.on('message', (message, socket) => process.send('taken'))"],
  });
  child.send('socket', socket);
  await once(child, 'message');
  child.kill('SIGSTOP');
  const reported = new Promise((resolve) => server.getConnections(resolve));
  child.kill('SIGKILL');
  try {
    return await reported;
  } finally {
    client.destroy();
    server.close();
  }
}

function exceedMaxBuffer() {
  return new Promise((resolve) => {
    child_process.execFile(process.execPath, ['-p', '12345'], { maxBuffer: 2 }, resolve);
  });
}

async function connectTo(address, family) {
  const lookup = (host, options, callback) => callback(null, address, family);
  const [error] = await once(
    net.connect({ host: 'name', port: 1, lookup, autoSelectFamily: false }),
    'error',
  );
  return error;
}

async function connectToBlocked() {
  const blockList = new net.BlockList();
  blockList.addAddress('127.0.0.1');
  const socket = net.connect({ host: '127.0.0.1', port: 1, blockList });
  return new Promise((resolve) => socket.on('error', resolve));
}

function socketOnFile() {
  const fd = fs.openSync(__filename);
  try {
    return new net.Socket({ fd });
  } finally {
    fs.closeSync(fd);
  }
}

async function afterDisconnect(act) {
  const child = forkIdle();
  child.disconnect();
  await once(child, 'disconnect');
  return act(child);
}

function disconnectAgain(child) {
  return new Promise((resolve) => {
    child.once('error', resolve);
    child.disconnect();
  });
}

function getSecondReader() {
  const stream = new ReadableStream();
  stream.getReader();
  stream.getReader();
}

function listenTwice() {
  const server = net.createServer().listen(0);
  try {
    return server.listen(0);
  } finally {
    server.close();
  }
}

function resetClosedSocket() {
  const socket = new net.Socket();
  return new Promise((resolve) => {
    socket.on('error', resolve);
    socket.resetAndDestroy();
  });
}

function destroyWhileConnecting() {
  const socket = net.connect({ host: 'name', port: 1, lookup: () => {} });
  return new Promise((resolve) => {
    socket.write('x', resolve);
    socket.destroy();
  });
}

async function useBoundSocketTwice() {
  const bound = new net.BoundSocket({ host: '127.0.0.1' });
  const server = net.createServer().listen(bound);
  await once(server, 'listening');
  try {
    return bound.address();
  } finally {
    server.close();
  }
}

function transferSocket() {
  const { port1 } = new MessageChannel();
  const socket = new net.Socket();
  try {
    return port1.postMessage(socket, [socket]);
  } finally {
    port1.close();
  }
}
