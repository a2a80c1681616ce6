'use strict';

// The moment between spawn() and the execution of the program. The second launch of a program goes another way than the first.

const { once } = require('node:events');
const fs = require('node:fs');

const { compare, scriptOf } = require('./compare');

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

const STOPPED = `
  cp.spawn('true', { stdio: 'ignore' }).on('exit', () => {
    const children = Array.from({ length: 10 }, () => cp.spawn('true', { stdio: 'ignore' }));
    for (const child of children) child.kill('SIGSTOP');
    require('node:fs').writeSync(1, JSON.stringify(children.map(({ pid }) => pid)));
    END
  });`;

for (const end of ['process.exit(3);', 'throw new Error("end");']) {
  compare(`children that are stopped at once do not hold up the end by ${end}`, async (module, log) => {
    const { status, signal, stdout } = scriptOf(STOPPED.replace('END', end))(module);
    for (const pid of JSON.parse(stdout)) process.kill(pid, 'SIGKILL');
    log({ status, signal });
  });
}
