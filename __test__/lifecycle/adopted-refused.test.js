'use strict';

// `_handle` read where its move meets a limit: a process without free descriptors, a listener that Node's handle refuses.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');

const net = require('../../lib/net');

const OURS = path.join(__dirname, '../../lib/net');

// Reads `_handle` of `who` for the first time without free descriptors, then has the server answer.
const SCRIPT = `
  const [modulePath, kind, who] = process.argv.slice(1);
  const net = require(modulePath);
  const fs = require('fs');
  const name = '\\0adopted-refused-' + process.pid;
  const taken = [];
  const read = (owner) => {
    try { for (;;) taken.push(fs.openSync('/dev/null')); } catch (error) { console.log(error.code); }
    const handle = owner._handle;
    console.log(handle.constructor.name, typeof handle.open, handle === owner._handle);
    if (who !== 'refused') for (const fd of taken.splice(0)) fs.closeSync(fd);
  };
  const server = net.createServer((socket) => socket.pipe(socket));
  server.listen(kind === 'TCP' ? { port: 0, host: '127.0.0.1' } : { path: name }, () => {
    if (who === 'server') read(server);
    const client = net.connect(kind === 'TCP' ? { port: server.address().port, host: '127.0.0.1' } : { path: name });
    if (who === 'connecting' || who === 'refused') read(client);
    client.on('error', (error) => console.log(error.code, error.syscall));
    client.on('connect', () => {
      if (who === 'connected') read(client);
      client.end('echoed');
    });
    client.on('data', (data) => console.log(String(data)));
    client.on('close', () => server.close());
  });`;

async function outputOf(modulePath, kind, who) {
  const limited = 'ulimit -n 64; exec "$0" -e "$@"';
  const parameters = [process.execPath, SCRIPT, modulePath, kind, who];
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', limited, ...parameters]);
  return stdout;
}

for (const [kind, name] of [
  ['TCP', 'TCP'],
  ['UNIX', 'Pipe'],
]) {
  for (const who of ['connecting', 'connected', 'server']) {
    test(`no free descriptors when _handle is first read: ${who}, ${kind}`, async () => {
      const [ours, nodes] = await Promise.all([outputOf(OURS, kind, who), outputOf('net', kind, who)]);
      assert.equal(ours, `EMFILE\n${name} function true\nechoed\n`);
      assert.equal(ours, nodes);
    });
  }
}

test('a connection without a free descriptor fails on the socket whose _handle was read', async () => {
  const [ours, nodes] = await Promise.all([
    outputOf(OURS, 'TCP', 'refused'),
    outputOf('net', 'TCP', 'refused'),
  ]);
  assert.equal(ours, 'EMFILE\nTCP function true\nEMFILE connect\n');
  assert.equal(ours, nodes);
});

const countDescriptors = () => fs.readdirSync('/proc/self/fd').length;

async function listening() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

for (const call of ['open', 'listen']) {
  test(`a listener whose ${call}() on Node's handle fails is closed, and the server emits 'error'`, async (t) => {
    const before = countDescriptors();
    const other = await listening();
    const prototype = Object.getPrototypeOf(other._handle);
    other.close();
    await once(other, 'close');
    const server = await listening();
    t.after(() => server.close());
    const { port } = server.address();

    const refusal = t.mock.method(prototype, call, () => -12);
    const events = [];
    server.on('error', (error) => events.push(`${error.code} ${error.syscall}`));
    server.on('close', () => events.push('close'));
    assert.equal(server._handle, null);
    assert.deepEqual(events, []);
    refusal.mock.restore();
    await new Promise((resolve) => server.once('close', resolve));
    assert.deepEqual(events, [`ENOMEM ${call}`, 'close']);
    assert.equal(server.listening, false);

    const client = net.connect(port, '127.0.0.1');
    const [error] = await once(client, 'error');
    assert.equal(error.code, 'ECONNREFUSED');
    assert.ok(countDescriptors() <= before, `${countDescriptors()} descriptors, ${before} before`);
  });
}

test('the descriptor of a handle read while connecting, before and after destroy(), is as in Node', async () => {
  const visit = async ({ Socket }) => {
    const socket = new Socket();
    socket.connect({ port: 1, host: 'never.invalid', lookup() {} });
    const handle = socket._handle;
    const before = handle.fd;
    socket.destroy();
    await once(socket, 'close');
    return [before, handle.fd];
  };
  const ours = await visit(net);
  assert.ok(ours.every((fd) => fd < 0));
  assert.deepEqual(ours, await visit(require('node:net')));
});
