'use strict';

// A process for which the system has no descriptors or threads left: the first use of a module fails with the system's error,
// and works later when there are some again.

const assert = require('node:assert/strict');
const { execFile, spawnSync } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');

const lib = path.join(__dirname, '../../lib');

/** Runs a program with all modules; `log` gives what it prints. */
async function run(script) {
  const prelude = `
    const fs = require('node:fs');
    const { execFileSync } = require('node:child_process');
    const [net, child_process, amqplib, broker] = ['net', 'child_process', 'amqplib', 'broker']
      .map((name) => require(${JSON.stringify(lib)} + '/' + name));
    const codeOf = (promise) => promise.then(() => 'done', (error) => error.code ?? error.message);
    const useBroker = async () => {
      const server = await broker.createBroker({ port: 0 });
      const connection = await amqplib.connect(server.url);
      await connection.close();
      await server.close();
    };`;
  const program = `${prelude} (async () => { ${script} })();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program]);
  return stdout.trim().split('\n');
}

const withoutDescriptors = (use) => `
  const taken = [];
  try { for (;;) taken.push(fs.openSync('/dev/null')); } catch {}
  const code = ${use};
  for (const fd of taken) fs.closeSync(fd);
  console.log(code);`;

test('no descriptors: createBroker() and connect() reject, and work later', async () => {
  assert.deepEqual(
    await run(`${withoutDescriptors('await codeOf(broker.createBroker({ port: 0 }))')}
      console.log(await codeOf(useBroker()));`),
    ['EMFILE', 'done'],
  );
  assert.deepEqual(
    await run(`${withoutDescriptors("await codeOf(amqplib.connect('amqp://127.0.0.1:1'))")}
      console.log(await codeOf(useBroker()));`),
    ['EMFILE', 'done'],
  );
});

test('no descriptors: sockets, servers and children report it', async () => {
  const failure = (emitter) =>
    `await new Promise((resolve) => ${emitter}.on('error', ({ code }) => resolve(code)))`;
  for (const emitter of [
    `net.connect(1, '127.0.0.1')`,
    `net.connect('/nowhere')`,
    `net.createServer().listen(0)`,
    `net.createServer().listen('/tmp/oxipc-' + process.pid)`,
    `child_process.spawn('true')`,
  ]) {
    assert.deepEqual(await run(withoutDescriptors(failure(emitter))), ['EMFILE'], emitter);
  }
});

// The system counts the threads of a user; root has no limit. By another program: a process cannot limit itself from JavaScript.
const WITHOUT_THREADS = `
  execFileSync('prlimit', ['--pid', String(process.pid), '--nproc=1']);
  if (process.getuid() === 0) process.setuid(65_534);`;
const noPrlimit = spawnSync('prlimit', ['--version']).error && 'no prlimit (util-linux) here';

test('no threads: createBroker() and connect() reject', { skip: noPrlimit }, async () => {
  for (const use of ['broker.createBroker({ port: 0 })', "amqplib.connect('amqp://127.0.0.1:1')"]) {
    assert.deepEqual(await run(`${WITHOUT_THREADS} console.log(await codeOf(${use}));`), ['EAGAIN'], use);
  }
});
