'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');

const { fork, spawn } = require('../../lib/child_process');
require('../support/end-children');

/** Bounds for a run that fails: how often a thing is looked at, how long a program may run. */
const MANY = 10_000;
const PROGRAM_LIMIT_MS = 60_000;

const modulePath = require.resolve('../../lib/child_process');

const descriptors = () => fs.readdirSync('/proc/self/fd').length;
const children = () =>
  fs
    .readdirSync('/proc/self/task')
    .flatMap((thread) => fs.readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' '))
    .filter(Boolean).length;

const runToEnd = async () => {
  const child = spawn('true');
  await once(child, 'close');
};

// Node's own: what is under test does not judge itself. Returns when the program and all that has its output have ended.
const program = (source, env = {}) =>
  spawnSync(
    process.execPath,
    ['--expose-gc', '-e', `const cp = require(${JSON.stringify(modulePath)});\n${source}`],
    {
      encoding: 'utf8',
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: PROGRAM_LIMIT_MS,
      killSignal: 'SIGKILL',
    },
  );

test('a thousand in a row leave no zombie, no descriptor and no memory', async () => {
  for (let index = 0; index < 50; index++) await runToEnd();
  const before = { descriptors: descriptors(), rss: process.memoryUsage.rss() };
  for (let index = 0; index < 1000; index++) await runToEnd();
  await new Promise(setImmediate);
  assert.ok(descriptors() <= before.descriptors);
  assert.equal(children(), 0);
  assert.ok(process.memoryUsage.rss() - before.rss < 64 * 1024 * 1024);
});

test('two hundred at once leave no zombie and no descriptor', async () => {
  const before = descriptors();
  await Promise.all(Array.from({ length: 200 }, runToEnd));
  await new Promise(setImmediate);
  assert.ok(descriptors() <= before);
  assert.equal(children(), 0);
});

test('failures to start leave no descriptor', async () => {
  const before = descriptors();
  for (let index = 0; index < 100; index++) {
    await once(spawn('oxipc-missing'), 'error');
    assert.throws(() => spawn('/etc/passwd/x'), { code: 'ENOTDIR' });
    spawnSync('oxipc-missing');
  }
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.ok(descriptors() <= before);
});

test('a worker terminated with children running leaves them to be reaped by a later start', async () => {
  const source = `
    const { spawn, fork } = require(${JSON.stringify(modulePath)});
    const child = spawn('cat');
    child.stdout.on('data', () => {});
    child.on('spawn', () => require('node:worker_threads').parentPort.postMessage(child.pid));`;
  const worker = new Worker(source, { eval: true });
  await once(worker, 'message');
  await worker.terminate();
  // Its stdin is closed with the worker, so cat ends.
  for (let looks = 0; children() > 0; looks++) {
    assert.ok(looks < MANY, 'a child is left');
    await new Promise(setImmediate);
    await runToEnd();
  }
});

// The descriptors of processes that this one watches.
const pidfds = () =>
  fs.readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[pidfd]';
    } catch {
      return false;
    }
  }).length;

const workerExit = (source) =>
  once(
    new Worker(`const { killTree, spawn } = require(${JSON.stringify(modulePath)}); ${source}`, {
      eval: true,
    }),
    'exit',
  );

test('a worker that ends while children start leaves nothing behind', async () => {
  const before = pidfds();
  for (let round = 0; round < 10; round++) {
    await workerExit("for (let n = 0; n < 8; n++) spawn('true', { stdio: 'ignore' }); process.exit();");
  }
  for (let looks = 0; children() > 0; looks++) {
    assert.ok(looks < MANY, 'a child is left');
    await runToEnd();
  }
  assert.ok(pidfds() <= before);
});

test('a worker that ends during killTree leaves no descriptor', async () => {
  const before = pidfds();
  await workerExit(`
    const child = spawn('sh', ['-c', 'trap "" TERM; echo; read line; read line'], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdout.once('data', () => {
      killTree(child, 'SIGTERM');
      process.exit();
    });`);
  // Its stdin is closed with the worker, so it ends.
  for (let looks = 0; children() > 0; looks++) {
    assert.ok(looks < MANY, 'a child is left');
    await runToEnd();
  }
  assert.ok(pidfds() <= before);
});

test('process.exit with everything open ends the process', () => {
  const { status, stdout } = program(`
    const fork = cp.fork(${JSON.stringify(require.resolve('../conformance/child_process/child-programs'))}, ['sleep']);
    const child = cp.spawn('cat');
    child.stdin.write('x'.repeat(1e6));
    child.stdout.once('data', () => { fork.kill(); process.exit(7); });`);
  assert.equal(stdout, '');
  assert.equal(status, 7);
});

test('a process that exits right after spawn has started the child', () => {
  const { status, stdout } = program(`
    cp.spawn('echo', ['started'], { stdio: ['ignore', 'inherit', 'ignore'], detached: true });
    process.exit(0);`);
  assert.equal(status, 0);
  assert.equal(stdout, 'started\n');
});

// Each is collected for certain, except what the collector takes a stale word of the stack for: never more than a few.
const untilCollected = (make) => `
  const { AsyncLocalStorage } = require('node:async_hooks');
  let collected = 0;
  let closed = 0;
  const registry = new FinalizationRegistry(() => collected++);
  const make = ${make};
  (async () => {
    for (let index = 0; index < 20; index++) make((child) => registry.register(child), () => closed++);
    while (closed < 20 || collected < 15) {
      gc();
      await new Promise(setImmediate);
    }
    console.log('collected');
  })();`;

for (const [name, make] of [
  ['', "(watch, done) => { const child = cp.spawn('true').on('close', done); watch(child); }"],
  [
    ', one whose AsyncLocalStorage leads to it',
    `(watch, done) => {
      const store = {};
      new AsyncLocalStorage().run(store, () => { store.child = cp.spawn('true').on('close', done); });
      watch(store.child);
    }`,
  ],
  [
    ', one with a channel',
    `(watch, done) => {
      watch(cp.spawn('true', { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] }).on('close', done));
    }`,
  ],
]) {
  test(`a child that nobody refers to is reported and collected${name}`, () => {
    const { stdout, stderr, error } = program(untilCollected(make));
    assert.equal(error, undefined);
    assert.equal(stderr, '');
    assert.equal(stdout, 'collected\n');
  });
}

test('what the caller changes right after spawn does not reach the child', (t) => {
  const file = `${require('node:os').tmpdir()}/oxipc-captured-${process.pid}`;
  t.after(() => fs.rmSync(file, { force: true }));
  const { stderr } = program(`
    const fs = require('fs');
    const fd = fs.openSync('${file}', 'w');
    process.chdir('/usr');
    const child = cp.spawn('sh', ['-c', 'pwd; echo $A'], { stdio: ['ignore', fd, 'inherit'], env: { A: '1' } });
    process.chdir('/');
    fs.closeSync(fd);`);
  assert.equal(stderr, '');
  assert.equal(fs.readFileSync(file, 'utf8'), '/usr\n1\n');
});

const root = process.getuid() === 0 ? false : 'needs root';

test('umask, identity and priority of a child are those at the time of spawn', { skip: root }, () => {
  const { stdout, stderr } = program(`
    const os = require('os');
    const report = (change) => {
      const child = cp.spawn('sh', ['-c', 'umask; id -u; ps -o ni= -p $$ | tr -d " "'], { stdio: ['ignore', 'pipe', 'inherit'] });
      change();
      return require('stream/consumers').text(child.stdout);
    };
    (async () => {
      process.umask(0o022);
      // The threads that start processes are there from now on, with the priority of this moment.
      await Promise.all(Array.from({ length: 8 }, () => report(() => {})));
      const outputs = [];
      for (let round = 0; round < 10; round++) {
        process.umask(0o022);
        outputs.push(await report(() => process.umask(0o077)));
      }
      os.setPriority(5);
      process.umask(0o027);
      // Many, of which most wait in a queue.
      const queued = Array.from({ length: 30 }, () => report(() => {}));
      process.setuid(65534);
      outputs.push(...(await Promise.all(queued)));
      outputs.push(await report(() => {}));
      for (const output of new Set(outputs)) console.log(JSON.stringify(output));
    })();`);
  assert.equal(stderr, '');
  assert.deepEqual(stdout.trim().split('\n').map(JSON.parse), [
    '0022\n0\n0\n',
    '0027\n0\n5\n',
    '0027\n65534\n5\n',
  ]);
});

test('without pidfds children are watched, killed and reaped all the same', () => {
  const { stdout, stderr } = program(
    `
    const fs = require('fs');
    const { once } = require('events');
    const zombies = () => fs.readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8');
    (async () => {
      const codes = await Promise.all(Array.from({ length: 50 }, async (_, code) =>
        (await once(cp.spawn('sh', ['-c', 'exit ' + code]), 'exit'))[0] === code));
      console.log(codes.every(Boolean));
      const pidfds = fs.readdirSync('/proc/self/fd').filter((fd) => { try { return fs.readFileSync('/proc/self/fdinfo/' + fd, 'utf8').includes('Pid:'); } catch {} });
      const child = cp.spawn('sleep', ['1000']);
      console.log(child.kill(0), child.kill(), await once(child, 'exit'), child.kill(), pidfds.length);
      console.log(cp.spawnSync('sh', ['-c', 'echo out; exit 4']).status, cp.spawnSync('sleep', ['1000'], { timeout: 10 }).signal);
      const tree = cp.spawn('sh', ['-c', 'setsid sleep 1000 & echo $!; wait']);
      const [pid] = await once(tree.stdout, 'data');
      await cp.killTree(tree, 'SIGKILL');
      const stat = fs.existsSync('/proc/' + Number(pid)) && fs.readFileSync('/proc/' + Number(pid) + '/stat', 'utf8');
      console.log(!stat || /\\) [ZX]/.test(stat), tree.exitCode, tree.signalCode ?? (await once(tree, 'exit'))[1]);
      console.log(JSON.stringify(zombies()));
    })();`,
    { OXIPC_PIDFD: '0' },
  );
  assert.equal(stderr, '');
  assert.equal(stdout, 'true\ntrue true [ null, \'SIGTERM\' ] false 0\n4 SIGTERM\ntrue null SIGKILL\n""\n');
});

test('a child that closes stdin early gives EPIPE as an error event', async () => {
  const child = spawn('sh', ['-c', 'exec <&-; echo closed; exec sleep 1000'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  child.stdin.write('x'.repeat(1e6));
  const [error] = await once(child.stdin, 'error');
  assert.equal(error.code, 'EPIPE');
  child.kill('SIGKILL');
  await once(child, 'close');
});

test('no descriptors left: an error event and nothing kept', () => {
  const { stdout, stderr } = program(`
    const fs = require('fs');
    cp.spawn('true').on('close', () => {
      const held = [];
      try { for (;;) held.push(fs.openSync('/dev/null')); } catch {}
      const child = cp.spawn('true');
      child.on('error', (error) => {
        console.log(error.code, error.syscall, child.pid, child.stdin);
        for (const fd of held) fs.closeSync(fd);
        cp.spawn('true').on('exit', (code) => console.log(code));
      });
    });`);
  assert.equal(stderr, '');
  assert.equal(stdout, 'EMFILE spawn true undefined undefined\n0\n');
});

test('a truncated and an oversized message end the channel, not the process', async () => {
  const child = spawn(
    process.execPath,
    ['-e', 'require("fs").writeSync(3, Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]))'],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' },
  );
  await once(child, 'disconnect');
  const truncated = spawn('sh', ['-c', 'printf "{\\"a\\":" >&3'], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  truncated.on('message', () => assert.fail('a message came'));
  await once(truncated, 'exit');
});

test('a socket from a child leaves no descriptor when it is closed', async () => {
  const before = descriptors();
  const child = fork(require.resolve('../conformance/child_process/child-programs'), ['give-socket']);
  const [{ port }] = await once(child, 'message');
  const client = require('node:net').connect(port, '127.0.0.1');
  const [, socket] = await once(child, 'message');
  socket.destroy();
  await once(client.resume(), 'close');
  child.send('end');
  // In either order.
  await Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
  await new Promise(setImmediate);
  assert.ok(descriptors() <= before);
});

test('a child that floods a parent which does not listen is held up, and heard in full later', async () => {
  const flood = `let left = 1200;
    const text = 'x'.repeat(100_000);
    (function next() { if (left-- > 0) process.send(text, next); else process.disconnect(); })();`;
  const child = spawn(process.execPath, ['-e', flood], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await once(child, 'spawn');
  // No sign comes from a channel that is not read: the child is then asleep in its event loop.
  const isAsleep = () => fs.readFileSync(`/proc/${child.pid}/stat`, 'utf8').includes(') S');
  const written = () => Number(/wchar: (\d+)/.exec(fs.readFileSync(`/proc/${child.pid}/io`, 'utf8'))[1]);
  for (let before = -1, still = 0; still < 50; before = written()) {
    assert.ok(before < 80e6, 'the child goes on');
    await new Promise((resolve) => setTimeout(resolve, 1));
    still = before > 60e6 && before === written() && isAsleep() ? still + 1 : 0;
  }
  assert.ok(written() < 80e6);
  let count = 0;
  child.on('message', () => count++);
  await once(child, 'disconnect');
  assert.equal(count, 1200);
});
