'use strict';

const assert = require('node:assert/strict');
const diagnosticsChannel = require('node:diagnostics_channel');
const { once } = require('node:events');
const { Duplex, Readable } = require('node:stream');
const { test } = require('node:test');

const { killTree, RunError, run } = require('../../lib/child_process');
require('../support/end-children');

test('run refuses wrong options before it starts anything', () => {
  const children = [];
  const note = ({ process: child }) => children.push(child);
  diagnosticsChannel.subscribe('child_process', note);
  for (const [options, code] of [
    [{ encoding: 'foo' }, 'ERR_UNKNOWN_ENCODING'],
    [{ encoding: 5 }, 'ERR_UNKNOWN_ENCODING'],
    [{ input: 5 }, 'ERR_INVALID_ARG_TYPE'],
    [{ input: {} }, 'ERR_INVALID_ARG_TYPE'],
    [{ timeout: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ timeout: 'abc' }, /^ERR_(OUT_OF_RANGE|INVALID_ARG_TYPE)$/],
    [{ signal: 5 }, 'ERR_INVALID_ARG_TYPE'],
    [{ killSignal: 'SIGNONE' }, 'ERR_UNKNOWN_SIGNAL'],
    ['options', 'ERR_INVALID_ARG_TYPE'],
  ]) {
    assert.throws(() => run('cat', [], options), { code });
    assert.throws(() => run('oxipc-missing', options), { code });
  }
  diagnosticsChannel.unsubscribe('child_process', note);
  assert.deepEqual(children, []);
});

test('run takes an undefined option as the default', async () => {
  const options = {
    encoding: undefined,
    maxBuffer: undefined,
    reject: undefined,
    stripFinalNewline: undefined,
  };
  assert.equal((await run('echo', ['text'], options)).stdout, 'text');
});

test('run takes every kind of bytes as input', async () => {
  const bytes = new Uint8Array([0, 97, 98, 99]);
  const view = new DataView(bytes.buffer, 1, 3);
  assert.equal((await run('cat', { input: view })).stdout, 'abc');
});

// The shell's child has the pipes for as long as the test takes.
const LEAVES = 'sleep 1000 & echo out';
const WAITS = `${LEAVES}; wait`;

// What `run` rejects with, once `act(running)` has been called on a child whose first output is there.
async function endedBy(act, script, options) {
  const running = run('sh', ['-c', script], options);
  await once(running.child.stdout, 'data');
  if (script === LEAVES) await once(running.child, 'exit');
  act(running);
  return running.catch((reason) => reason);
}

for (const script of [WAITS, LEAVES]) {
  const when = `while a descendant holds its pipes (sh -c ${script})`;

  test(`a timeout settles ${when}`, async () => {
    const error = await run('sh', ['-c', script], { timeout: 20 }).catch((reason) => reason);
    assert.equal(error.timedOut, true);
  });

  test(`an abort settles ${when}`, async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const error = await endedBy(() => controller.abort(new Error('enough')), script, { signal });
    assert.equal(error.aborted, true);
    assert.equal(error.stdout, 'out');
    assert.equal(error.cause.cause.message, 'enough');
  });

  test(`asyncDispose settles ${when}`, async () => {
    const running = run('sh', ['-c', script]);
    await once(running.child.stdout, 'data');
    await running[Symbol.asyncDispose]();
    assert.equal((await running.catch((reason) => reason)).stdout, 'out');
  });

  test(`leaving the loop settles ${when}`, async () => {
    for await (const line of run('sh', ['-c', script])) {
      assert.equal(line, 'out');
      break;
    }
  });

  test(`too much output settles ${when}`, async () => {
    const error = await run('sh', ['-c', script], { maxBuffer: 2 }).catch((reason) => reason);
    assert.equal(error.isMaxBuffer, true);
    assert.equal(error.stdout, 'ou');
  });
}

test('forceKillAfter, kill and killTree settle while a descendant holds the pipes', async () => {
  for (const [act, script, options, signal] of [
    [(running) => running.child.kill(), `trap '' TERM; ${WAITS}`, { forceKillAfter: 10 }, 'SIGKILL'],
    [(running) => running.child.kill(), WAITS, {}, 'SIGTERM'],
    [(running) => killTree(running.child, 'SIGKILL'), WAITS, {}, 'SIGKILL'],
  ]) {
    const error = await endedBy(act, script, options);
    assert.equal(error.signal, signal);
    assert.equal(error.stdout, 'out');
  }
});

test('an abort settles while a descendant holds other pipes and the channel', async () => {
  const controller = new AbortController();
  const stdio = ['pipe', 'pipe', 'pipe', 'pipe', 'ipc'];
  const error = await endedBy(() => controller.abort(), WAITS, { signal: controller.signal, stdio });
  assert.equal(error.aborted, true);
});

test('what the child writes on its way out is there', async () => {
  const controller = new AbortController();
  const script = `trap 'echo bye; exit 3' TERM; ${WAITS}`;
  const error = await endedBy(() => controller.abort(), script, { signal: controller.signal });
  assert.deepEqual([error.exitCode, error.aborted, error.stdout], [3, true, 'out\nbye']);
});

test('run with a signal that has been aborted', async () => {
  const error = await run('cat', { signal: AbortSignal.abort() }).catch((reason) => reason);
  assert.equal(error.aborted, true);
  assert.equal(error.code, 'ABORT_ERR');
});

test('run reads what descendants write when nothing ends it early', async () => {
  const running = run('sh', ['-c', '{ read line <&3; echo late; } & echo early'], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  await once(running.child, 'exit');
  running.child.stdio[3].end('go\n');
  assert.equal((await running).stdout, 'early\nlate');
});

test('an input that fails ends the child and is the cause', async () => {
  const failure = new Error('no more');
  async function* throwing() {
    yield 'some';
    throw failure;
  }
  const failing = new Readable({ read() {} });
  failing.push('some');
  for (const input of [throwing(), failing]) {
    const running = run('cat', { input });
    if (input === failing) running.child.stdout.once('data', () => failing.destroy(failure));
    const error = await running.catch((reason) => reason);
    assert.ok(error instanceof RunError);
    assert.equal(error.cause, failure);
    assert.equal(error.signal, 'SIGTERM');
    assert.equal(error.message, 'Command was ended because its input failed with no more: cat');
  }
});

test('an input that is cut short or gives what cannot be written is a failure', async () => {
  const cut = new Readable({ read() {} });
  const running = run('cat', { input: cut });
  cut.destroy();
  assert.equal((await running.catch((reason) => reason)).cause.code, 'ERR_STREAM_PREMATURE_CLOSE');
  const error = await run('cat', { input: ['text', 5] }).catch((reason) => reason);
  assert.equal(error.cause.code, 'ERR_INVALID_ARG_TYPE');
  assert.equal(error.code, undefined);
});

test('a child that does not read its input is no failure, and the input is closed', async () => {
  // The child's 'close' and that of its stdin come in either order.
  for (let round = 0; round < 50; round++) {
    const endless = new Readable({
      read() {
        this.push('x'.repeat(1000));
      },
    });
    assert.equal((await run('true', { input: endless })).exitCode, 0);
    assert.equal(endless.destroyed, true);
  }
  assert.equal((await run('true', { input: 'x'.repeat(1e6) })).exitCode, 0);
});

test('an input that has been read to its end keeps its other half', async () => {
  const input = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  input.push('text');
  input.push(null);
  const { stdout } = await run('cat', { input });
  assert.equal(stdout, 'text');
  assert.equal(input.writable, true);
});

test('a long input waits for the child', async () => {
  const { stdout } = await run('wc', ['-c'], { input: Array.from({ length: 100 }, () => 'x'.repeat(1e5)) });
  assert.equal(stdout, '10000000');
});

test('a failure that nobody hears is an unhandled rejection, one that a loop or a disposal meets is none', async () => {
  const program = `
    const { run } = require(${JSON.stringify(require.resolve('../../lib/child_process'))});
    process.on('unhandledRejection', (error) => console.log('unhandled', error.exitCode));
    (async () => {
      run('sh', ['-c', 'exit 3']);
      run('sh', ['-c', 'exit 4'], { reject: false });
      await run('sh', ['-c', 'exit 5']).catch(() => {});
      await run('cat', { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] })[Symbol.asyncDispose]();
      for await (const line of run('yes')) break;
      try {
        for await (const line of run('sh', ['-c', 'echo line; exit 6']));
      } catch (error) {
        console.log('thrown', error.exitCode);
      }
    })();`;
  const { stdout } = await run(process.execPath, ['-e', program]);
  assert.deepEqual(stdout.split('\n').sort(), ['thrown 6', 'unhandled 3']);
});

test('a missing working directory is told apart from a missing program', async () => {
  const messageOf = (file, cwd) => run(file, { cwd }).catch(({ code, message }) => [code, message]);
  assert.deepEqual(await messageOf('true', '/oxipc-missing'), [
    'ENOENT',
    'Command failed with ENOENT (there is no /oxipc-missing to run in): true',
  ]);
  assert.deepEqual(await messageOf('oxipc-missing', '/'), [
    'ENOENT',
    'Command failed with ENOENT: oxipc-missing',
  ]);
});
