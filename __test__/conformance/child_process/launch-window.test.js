'use strict';

// The moment between spawn() and the execution of the program. The second launch of a program goes another way than the first.

const { once } = require('node:events');
const fs = require('node:fs');

const nodes = require('node:child_process');
const { compare } = require('./compare');

const ROUNDS = 30;

compare('a detached child leads its group when spawn() returns', async (module, log) => {
  const outcomes = new Set();
  for (let round = 0; round < ROUNDS; round++) {
    const child = module.spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    const ended = once(child, 'exit');
    process.kill(-child.pid, 'SIGKILL');
    outcomes.add(String(await ended));
  }
  log([...outcomes]);
});

compare("behind 'spawn' the child is in its directory", async (module, log) => {
  const seen = new Set();
  for (let round = 0; round < ROUNDS; round++) {
    const child = module.spawn('cat', { cwd: '/usr' });
    await once(child, 'spawn');
    seen.add(fs.readlinkSync(`/proc/${child.pid}/cwd`));
    child.stdin.end();
    await once(child, 'close');
  }
  log([...seen]);
});

const stopping = (modulePath, end) => `
  const { spawn } = require(${JSON.stringify(modulePath)});
  spawn('true', { stdio: 'ignore' }).on('exit', () => {
    const pids = Array.from({ length: 10 }, () => spawn('true', { stdio: 'ignore' }).pid);
    // Not child.kill(), which waits for the program.
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    require('node:fs').writeSync(1, JSON.stringify(pids));
    ${end}
  });`;

for (const end of ['process.exit(3);', 'throw new Error("end");']) {
  compare(`children that are stopped at once do not hold up the end by ${end}`, async (module, log) => {
    const modulePath =
      module === nodes ? 'node:child_process' : require.resolve('../../../lib/child_process');
    const stdio = ['ignore', 'pipe', 'ignore'];
    const parent = nodes.spawn(process.execPath, ['-e', stopping(modulePath, end)], { stdio });
    // Not 'close': a child that has not executed its program has the parent's descriptors.
    const [[pids], status] = await Promise.all([once(parent.stdout, 'data'), once(parent, 'exit')]);
    JSON.parse(pids).forEach(endOrphan);
    log(status);
  });
}

// Some had ended before they were stopped.
function endOrphan(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

compare(
  'children that are stopped at once hold up nothing, and go on when they are continued',
  async (module, log) => {
    await once(module.spawn('true', { stdio: 'ignore' }), 'exit');
    const children = Array.from({ length: 10 }, () => module.spawn('true', { stdio: 'ignore' }));
    const ended = children.map((child) => once(child, 'exit'));
    for (const child of children) process.kill(child.pid, 'SIGSTOP');
    await Promise.all(children.map((child) => once(child, 'spawn')));
    for (const child of children) process.kill(child.pid, 'SIGCONT');
    log(await Promise.all(ended));
  },
);
