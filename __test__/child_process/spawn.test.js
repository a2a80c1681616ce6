'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { text } = require('node:stream/consumers');
const { test } = require('node:test');
const { inspect } = require('node:util');

const { spawn } = require('../../lib/child_process');
require('../support/end-children');

test('a child answers on stdout what it read from stdin', async () => {
  const child = spawn('cat');
  child.stdin.end('hello');
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  assert.equal(output, 'hello');
  assert.deepEqual([code, signal], [0, null]);
});

test('a child that is inspected at once shows its pid', async () => {
  const child = spawn('true');
  assert.match(inspect(child), new RegExp(`^ChildProcess \\{[^]*\\bpid: ${child.pid},`));
  await once(child, 'close');
});

test('a child that is killed reports the signal', async () => {
  const child = spawn('sleep', ['1000']);
  assert.equal(child.kill('SIGTERM'), true);
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGTERM']);
  assert.equal(child.kill(), false);
});

test('ten megabytes written right before the exit arrive whole', async () => {
  const child = spawn('head', ['-c', '10000000', '/dev/zero']);
  let length = 0;
  child.stdout.on('data', (chunk) => (length += chunk.length));
  await once(child, 'close');
  assert.equal(length, 10_000_000);
});

test('a script without a magic number runs in the shell', async (t) => {
  const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
  const directory = mkdtempSync(`${require('node:os').tmpdir()}/oxipc-`);
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(`${directory}/script`, 'echo "$1"', { mode: 0o755 });
  assert.equal(await text(spawn(`${directory}/script`, ['argument']).stdout), 'argument\n');
});

test('user and group are those asked for', { skip: process.getuid() !== 0 && 'needs root' }, async () => {
  assert.equal(await text(spawn('id', ['-u', '-n'], { uid: 65534, gid: 65534 }).stdout), 'nobody\n');
});

test('the child starts with no signal ignored or blocked', async () => {
  const status = await text(spawn('grep', ['-E', '^Sig(Blk|Ign)', '/proc/self/status']).stdout);
  assert.equal(status, 'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n');
});

test('the child has no other descriptors than node would give it', async () => {
  const list = async ({ spawn }) => text(spawn('sh', ['-c', 'ls /proc/$$/fd']).stdout);
  assert.equal(await list({ spawn }), await list(require('node:child_process')));
});

test('an ended child holds no descriptor, even while its object is kept', async () => {
  const { readdirSync, readFileSync } = require('node:fs');
  const isFor = (fd, pid) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').includes(`\nPid:\t${pid}\n`);
    } catch {
      return false;
    }
  };
  const pidfds = (pid) => readdirSync('/proc/self/fd').filter((fd) => isFor(fd, pid)).length;
  const child = spawn('true', [], { stdio: 'ignore' });
  const handle = child._handle;
  assert.equal(pidfds(child.pid), 1);
  await once(child, 'exit');
  assert.equal(pidfds(child.pid), 0);
  assert.equal(handle.kill(0), -require('node:os').constants.errno.ESRCH);
});

test('pid is there at once, also through what stands for the child', async () => {
  for (const wrap of [(child) => new Proxy(child, {}), Object.create]) {
    const child = spawn('true');
    const pid = wrap(child).pid;
    assert.equal(typeof pid, 'number');
    assert.equal(child.pid, pid);
    await once(child, 'exit');
  }
});

test('a program written while other children start can be executed at once', async (t) => {
  const fs = require('node:fs');
  const directory = fs.mkdtempSync(`${require('node:os').tmpdir()}/oxipc-`);
  t.after(() => fs.rmSync(directory, { recursive: true }));
  for (let round = 0; round < 100; round++) {
    const file = `${directory}/${round}`;
    const fd = fs.openSync(file, 'w', 0o755);
    const others = Array.from({ length: 4 }, () => spawn('true', { stdio: 'ignore' }));
    fs.writeSync(fd, '#!/bin/sh\nexit 3\n');
    fs.closeSync(fd);
    const child = spawn(file, { stdio: 'ignore' });
    const [[code]] = await Promise.all([child, ...others].map((one) => once(one, 'exit')));
    assert.equal(code, 3);
  }
});
