'use strict';

// A program that was executed before is not waited for in spawn(): should it fail then, that shows in the next tick.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const { spawn } = require('../../lib/child_process');

test('an interpreter that has gone since is reported without spawn, and then at once again', async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-'));
  t.after(() => fs.rmSync(directory, { recursive: true, force: true }));
  const shell = path.join(directory, 'shell');
  fs.copyFileSync('/bin/sh', shell);
  const script = path.join(directory, 'script');
  fs.writeFileSync(script, `#!${shell}\nexit 7\n`, { mode: 0o755 });

  for (let run = 0; run < 2; run++) assert.deepEqual(await once(spawn(script), 'exit'), [7, null]);
  fs.rmSync(shell);

  const late = spawn(script);
  assert.deepEqual(await eventsOf(late), ['error ENOENT', 'close -2 null']);
  assert.equal(late.pid, undefined);
  const child = spawn(script);
  assert.equal(child.pid, undefined);
  assert.deepEqual(await eventsOf(child), ['error ENOENT', 'close -2 null']);
  assert.deepEqual(await once(spawn('sh', ['-c', 'exit 3']), 'exit'), [3, null]);
});

test('a program that was written anew is another one', async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-'));
  t.after(() => fs.rmSync(directory, { recursive: true, force: true }));
  const script = path.join(directory, 'script');
  fs.writeFileSync(script, '#!/bin/sh\nexit 7\n', { mode: 0o755 });
  for (let run = 0; run < 2; run++) assert.deepEqual(await once(spawn(script), 'exit'), [7, null]);

  fs.writeFileSync(script, '#!/nowhere\n');
  assert.deepEqual(await eventsOf(spawn(script)), ['error ENOENT', 'close -2 null']);
  fs.chmodSync(script, 0o644);
  assert.deepEqual(await eventsOf(spawn(script)), ['error EACCES', 'close -13 null']);
});

async function eventsOf(child) {
  const events = [];
  child.on('spawn', () => events.push('spawn'));
  child.on('exit', () => events.push('exit'));
  child.on('error', ({ code }) => events.push(`error ${code}`));
  await new Promise((resolve) => child.on('close', resolve)).then(() => {
    events.push(`close ${child.exitCode} ${child.signalCode}`);
  });
  return events;
}
