'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const { createInterface } = require('node:readline');
const { text } = require('node:stream/consumers');
const { test } = require('node:test');

const {
  exec,
  execFileSync,
  execSync,
  fork,
  killTree,
  RunError,
  resourceUsage,
  run,
  spawn,
  spawnSync,
} = require('../../lib/child_process');
const { endAll } = require('../support/end-children');

const modulePath = require.resolve('../../lib/child_process');

// A zombie is none.
function isRunning(pid) {
  try {
    return !/\) [ZX]/.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

// Resolves when none of these is left; they may be nobody's descendants, so a test that fails ends them here.
async function gone(t, ...pids) {
  t.after(() => endAll(pids.filter(isRunning)));
  while (pids.some(isRunning)) {
    t.signal.throwIfAborted();
    await new Promise(setImmediate);
  }
}

// The pids that a program prints, one per line.
async function pidsOf(stream, count) {
  const pids = [];
  for await (const line of createInterface({ input: stream })) {
    pids.push(Number(line));
    if (pids.length === count) return pids;
  }
  throw new Error(`only ${pids.length} of ${count} pids came`);
}

test('all gives both outputs in the order of the writes', async () => {
  const child = spawn('sh', ['-c', 'for i in 1 2 3; do echo out$i; echo err$i >&2; done'], {
    oxipc: { all: true },
  });
  assert.equal(await text(child.stdout), 'out1\nerr1\nout2\nerr2\nout3\nerr3\n');
  assert.equal(child.stderr, null);
});

test('resourceUsage tells what an ended child has used', async () => {
  const child = spawn('sh', ['-c', 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done']);
  assert.equal(resourceUsage(child), undefined);
  await once(child, 'exit');
  const { userCPUTime, maxRSS } = resourceUsage(child);
  assert.ok(userCPUTime > 0);
  assert.ok(maxRSS > 100);
});

test('forceKillAfter ends a child that ignores SIGTERM', async () => {
  const child = spawn('sh', ['-c', 'trap "" TERM; echo ready; read line'], { oxipc: { forceKillAfter: 10 } });
  await once(child.stdout, 'data');
  child.kill();
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL']);
});

test('forceKillAfter leaves a child alone that was only told something', async () => {
  const script = 'trap "echo told" USR1; echo ready; until [ "$line" = end ]; do read line; done; exit 3';
  const child = spawn('sh', ['-c', script], { oxipc: { forceKillAfter: 0 } });
  await once(child.stdout, 'data');
  child.kill('SIGUSR1');
  // Some shells look for signals before they read, and not again until there is a line.
  child.stdin.write('\n');
  await once(child.stdout, 'data');
  // Timers of one process fire in their order: one that were to kill would have.
  await new Promise((resolve) => setTimeout(resolve, 2));
  child.stdin.end('end\n');
  assert.deepEqual(await once(child, 'exit'), [3, null]);
});

test('killTree ends descendants in sessions and groups of their own, and resolves when they are gone', async (t) => {
  const script = "setsid sh -c 'echo $$; setsid sleep 1000 & echo $!; wait' & sleep 1000 & echo $!; wait";
  const child = spawn('sh', ['-c', script]);
  const pids = await pidsOf(child.stdout, 3);
  t.after(() => endAll(pids.filter(isRunning)));
  await killTree(child, 'SIGKILL');
  assert.deepEqual(pids.filter(isRunning), []);
  assert.deepEqual([child.exitCode, child.signalCode], [null, 'SIGKILL']);
});

test("killTree resolves after the child's own 'exit', also when the process does not wait for the child", async () => {
  // The kernel tells of both ends in either order.
  for (let round = 0; round < 20; round++) {
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    child.unref();
    const seen = [];
    child.on('exit', () => seen.push('exit'));
    await killTree(child);
    assert.deepEqual([...seen, child.exitCode, child.signalCode], ['exit', null, 'SIGTERM']);
  }
});

test('killTree with forceKillAfter ends descendants that ignore the signal', async (t) => {
  const child = spawn('sh', ['-c', '(trap "" TERM; while :; do sleep 1000; done) & echo $!; wait']);
  const [pid] = await pidsOf(child.stdout, 1);
  t.after(() => endAll([pid].filter(isRunning)));
  await killTree(child, 'SIGTERM', { forceKillAfter: 20 });
  assert.equal(isRunning(pid), false);
});

test('killTree of a child that has ended, or was never started, resolves', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  await killTree(child);
  const missing = spawn('oxipc-missing');
  const failed = once(missing, 'error');
  await killTree(missing);
  await failed;
});

test('killTree leaves the other children that die with their parent alone', async () => {
  const [child, other] = [1, 2].map(() => spawn('cat', [], { oxipc: { dieWithParent: true } }));
  await killTree(child, 'SIGKILL');
  other.stdin.end('still here');
  assert.equal(await text(other.stdout), 'still here');
});

test('killTree of a child that dies with its parent ends orphans among its descendants', async (t) => {
  const script = 'sh -c "setsid sleep 1000 & echo \\$!"; read line';
  const child = spawn('sh', ['-c', script], { oxipc: { dieWithParent: true } });
  const pids = await pidsOf(child.stdout, 1);
  t.after(() => endAll(pids.filter(isRunning)));
  await killTree(child, 'SIGKILL');
  assert.deepEqual(pids.filter(isRunning), []);
});

test('a parent killed with SIGKILL leaves nothing behind with dieWithParent', async (t) => {
  // parent -> a wrapper as npx is one -> sh -> node, one of them in a session of its own, one orphaned.
  const wrapper = `
    const { spawn } = require('node:child_process');
    spawn('sh', ['-c', '(setsid sleep 1000 & echo $!) ; "$0" -e "console.log(process.pid); setInterval(() => {}, 1000)" & echo $!; echo $$; wait', process.execPath], { stdio: 'inherit' });
    console.log(process.pid);`;
  const parent = spawn(process.execPath, [
    '-e',
    `const { spawn } = require(${JSON.stringify(modulePath)});
     spawn(process.execPath, ['-e', ${JSON.stringify(wrapper)}], { stdio: 'inherit', oxipc: { dieWithParent: true } });`,
  ]);
  const pids = await pidsOf(parent.stdout, 5);
  parent.kill('SIGKILL');
  await gone(t, ...pids);
});

test('dieWithParent is a default through the environment', async (t) => {
  const parent = spawn(
    process.execPath,
    [
      '-e',
      `require(${JSON.stringify(modulePath)}).spawn('sh', ['-c', 'echo $$; exec sleep 1000'], { stdio: 'inherit' });`,
    ],
    { env: { ...process.env, OXIPC_DIE_WITH_PARENT: 'SIGTERM' } },
  );
  const [pid] = await pidsOf(parent.stdout, 1);
  parent.kill('SIGKILL');
  await gone(t, pid);
});

const family = '(setsid sleep 1000 & echo $!); sleep 1000 & echo $!; echo $$; wait';
for (const [name, call, env] of [
  ['spawnSync', `spawnSync('sh', ['-c', family], { stdio: 'inherit', oxipc: { dieWithParent: true } })`],
  [
    'execFileSync',
    `execFileSync('sh', ['-c', family], { stdio: 'inherit', oxipc: { dieWithParent: 'SIGTERM' } })`,
  ],
  ['execSync', `execSync(family, { stdio: 'inherit', oxipc: { dieWithParent: true } })`],
  ['execSync after setDieWithParent', `setDieWithParent(true); cp.execSync(family, { stdio: 'inherit' })`],
  ['execSync by the environment', `execSync(family, { stdio: 'inherit' })`, { OXIPC_DIE_WITH_PARENT: '1' }],
]) {
  test(`a parent killed with SIGKILL leaves nothing behind with dieWithParent: ${name}`, async (t) => {
    const program = `const cp = require(${JSON.stringify(modulePath)}); const family = ${JSON.stringify(family)}; cp.${call};`;
    const parent = spawn(process.execPath, ['-e', program], { env: { ...process.env, ...env } });
    const pids = await pidsOf(parent.stdout, 3);
    parent.kill('SIGKILL');
    await gone(t, ...pids);
  });
}

for (const oxipc of [
  { dieWithParent: 'SIGNOPE' },
  { dieWithParent: {} },
  { forceKillAfter: 'x' },
  { forceKillAfter: -1 },
  { all: 1 },
  { onMaxBuffer: 'middle' },
  'all',
]) {
  const options = { oxipc };
  test(`synchronous calls refuse what spawn refuses: ${JSON.stringify(options)}`, () => {
    const refused = (call) => {
      try {
        call();
      } catch (error) {
        return error;
      }
      throw new Error('taken');
    };
    const { name, code, message } = refused(() => spawn('true', options));
    for (const call of [
      () => spawnSync('true', options),
      () => execFileSync('true', options),
      () => execSync('true', options),
    ]) {
      assert.throws(call, { name, code, message });
    }
  });
}

test('forceKillAfter ends a child of spawnSync that ignores SIGTERM', () => {
  const script = 'trap "" TERM; echo more than a byte; exec sleep 1000';
  const { error, signal } = spawnSync('sh', ['-c', script], {
    maxBuffer: 1,
    oxipc: { forceKillAfter: 10 },
  });
  assert.deepEqual([error.code, signal], ['ENOBUFS', 'SIGKILL']);
});

test('a child of a worker thread that dies with its parent outlives the thread', async (t) => {
  const { Worker } = require('node:worker_threads');
  const worker = new Worker(
    `const { spawn } = require(${JSON.stringify(modulePath)});
     const child = spawn('sleep', ['1000'], { oxipc: { dieWithParent: true }, stdio: 'ignore' });
     child.unref();
     require('node:worker_threads').parentPort.postMessage(child.pid);`,
    { eval: true },
  );
  // Both may come in one turn.
  const exited = once(worker, 'exit');
  const [pid] = await once(worker, 'message');
  await exited;
  assert.doesNotMatch(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'), /\) [ZX]/);
  process.kill(pid, 'SIGKILL');
  await gone(t, pid);
});

for (const [onMaxBuffer, kept] of [
  ['head', '01234'],
  ['tail', '56789'],
]) {
  test(`onMaxBuffer ${onMaxBuffer} keeps that end of the output and lets the child finish`, async () => {
    const results = await new Promise((resolve) => {
      exec('printf 01234; printf 56789; exit 0', { maxBuffer: 5, oxipc: { onMaxBuffer } }, (...all) =>
        resolve(all),
      );
    });
    assert.deepEqual(results, [null, kept, '']);
  });
}

test('run resolves with everything known', async () => {
  const result = await run('sh', ['-c', 'cat; echo err >&2'], { input: 'in\n' });
  assert.equal(result.stdout, 'in');
  assert.equal(result.stderr, 'err');
  assert.equal(result.exitCode, 0);
  assert.equal(result.signal, null);
  assert.ok(result.resourceUsage.maxRSS > 0);
});

test('run rejects a failure with everything known', async () => {
  const error = await run('sh', ['-c', 'echo out; exit 3']).catch((reason) => reason);
  assert.ok(error instanceof RunError);
  assert.equal(error.message, 'Command failed with exit code 3: sh -c echo out; exit 3');
  assert.equal(error.stdout, 'out');
  assert.equal(error.exitCode, 3);
});

test('run of a missing program rejects with the cause', async () => {
  const error = await run('oxipc-missing').catch((reason) => reason);
  assert.equal(error.code, 'ENOENT');
  assert.equal(error.cause.syscall, 'spawn oxipc-missing');
});

test('run with a timeout and with a signal', async () => {
  const late = await run('sleep', ['1000'], { timeout: 10 }).catch((reason) => reason);
  assert.equal(late.timedOut, true);
  assert.equal(late.signal, 'SIGTERM');
  const aborted = await run('sleep', ['1000'], { signal: AbortSignal.timeout(10) }).catch((reason) => reason);
  assert.equal(aborted.aborted, true);
});

test('run with reject: false resolves with the error', async () => {
  const { exitCode, error } = await run('false', { reject: false });
  assert.equal(exitCode, 1);
  assert.ok(error instanceof RunError);
});

test('run gives lines as they come', async () => {
  const seen = [];
  for await (const line of run('printf', ['a\\nb\\r\\nc'])) seen.push(line);
  assert.deepEqual(seen, ['a', 'b', 'c']);
});

test('leaving the loop over the lines ends the child', async () => {
  const running = run('sh', ['-c', 'while :; do echo line; done']);
  for await (const line of running) {
    assert.equal(line, 'line');
    break;
  }
  assert.equal(running.child.signalCode, 'SIGTERM');
});

test('run keeps the end of an endless output', async () => {
  const { stdout } = await run('seq', ['100000'], { maxBuffer: 13, onMaxBuffer: 'tail' });
  assert.equal(stdout, '99999\n100000');
});

test('a fork that dies with its parent still speaks', async () => {
  const child = fork(require.resolve('../conformance/child_process/child-programs'), ['echo'], {
    oxipc: { dieWithParent: true },
  });
  child.send('hello');
  assert.deepEqual(await once(child, 'message'), ['hello', undefined]);
  child.disconnect();
  await once(child, 'exit');
});
