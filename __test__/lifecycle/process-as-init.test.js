'use strict';

// As PID 1, as in a container without an init: orphans of others become our children, and are none of our business.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { test } = require('node:test');

require('../support/end-children');

const PROGRAM_LIMIT_MS = 60_000;

// A namespace of processes of its own; whoever is not root needs one of users for it.
const unshare = [
  '--pid',
  '--fork',
  '--mount-proc',
  ...(process.getuid() === 0 ? [] : ['--user', '--map-root-user']),
];
const refused = spawnSync('unshare', [...unshare, 'true'], { encoding: 'utf8' });
const skip =
  refused.status === 0
    ? false
    : `no PID namespace here: ${refused.error?.message ?? refused.stderr.trim().split('\n')[0]}`;

const script = (module) => `
  const cp = require(${JSON.stringify(module)});
  const { once } = require('events');
  (async () => {
    console.log(process.pid);
    // It ends before its own child, which becomes ours.
    const parent = cp.spawn('sh', ['-c', 'sleep 1000 & echo $!; exit 3']);
    const [orphan] = await once(parent.stdout, 'data');
    console.log(await once(parent, 'exit'), require('fs').readFileSync('/proc/' + Number(orphan) + '/stat', 'utf8').split(') ')[1].split(' ')[1]);
    process.kill(Number(orphan), 'SIGKILL');
    // Its end is nobody's event, and disturbs none.
    console.log(cp.spawnSync('sh', ['-c', 'exit 4']).status, cp.execSync('echo sync') + '');
    const child = cp.spawn('sleep', ['1000']);
    child.kill();
    console.log(await once(child, 'exit'));
    const fork = cp.fork(${JSON.stringify(require.resolve('../conformance/child_process/child-programs'))}, ['echo']);
    fork.send('hello');
    console.log((await once(fork, 'message'))[0]);
    fork.disconnect();
    console.log(await once(fork, 'exit'));
    process.exit(5);
  })();`;

function runAsInit(module) {
  const args = [...unshare, process.execPath, '-e', script(module)];
  const { status, stdout, stderr } = spawnSync('unshare', args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PROGRAM_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  return { status, stdout, stderr };
}

test('as PID 1 everything is as with node:child_process', { skip }, () => {
  const ours = runAsInit(require.resolve('../../lib/child_process'));
  assert.deepEqual(ours, runAsInit('node:child_process'));
  assert.match(ours.stdout, /^1\n\[ 3, null \] 1\n/);
  assert.equal(ours.status, 5);
});
