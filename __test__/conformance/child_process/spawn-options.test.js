'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const { compare, compareCall, logEvents, outputsOf, scriptOf } = require('./compare');

const root = process.getuid() === 0 ? false : 'needs root';

const output = (name, file, args, options, testOptions) =>
  compare(name, async ({ spawn }, log) => log(await outputsOf(spawn(file, args, options))), testOptions);

output('cwd as a path', 'pwd', [], { cwd: '/usr' });
output('cwd as a file URL', 'pwd', [], { cwd: pathToFileURL('/usr/') });
output('an empty cwd is none', 'pwd', [], { cwd: '' });
output('argv0', 'sh', ['-c', 'echo $0; cat /proc/$$/cmdline | tr "\\0" " "'], { argv0: 'other' });
output('a shell', 'echo $0 "$1" a b', [], { shell: true });
output('a shell of choice', 'echo $0', [], { shell: '/bin/sh' });
output('arguments given to a shell are joined', 'echo', ['a', 'b  c', '$0'], { shell: true });
output('an empty environment', '/usr/bin/env', [], { env: {} });
output('values of the environment become text', '/usr/bin/env', [], {
  env: { A: 1, B: null, C: undefined, D: '', E: true, f: 'x=y', ß: 'ü' },
});
output('inherited properties of env count', '/usr/bin/env', [], { env: Object.create({ A: '1' }) });
output('the program is looked for in the PATH of the given environment', 'x-program', [], {
  env: { PATH: makeProgram() },
});
output('a program without a magic number runs in the shell', path.join(makeProgram(), 'x-program'), [
  'argument',
]);
output('uid and gid', 'id', [], { uid: 65534, gid: 65534 }, { skip: root });
output('uid alone drops the supplementary groups', 'id', [], { uid: 65534 }, { skip: root });
output('arguments that are no strings become text', 'echo', [
  1,
  null,
  undefined,
  true,
  { toString: () => 'o' },
]);
output('arguments may be empty and hold anything', 'printf', [
  '%s|',
  '',
  ' ',
  '\n',
  '"',
  'ü',
  '💡',
  '\ud800',
]);
output('undefined arguments', 'echo', undefined, { env: {} });
output('the umask and limits are inherited', 'sh', ['-c', 'umask; ulimit -n; ulimit -c']);
output('signals are neither blocked nor ignored', 'grep', ['-E', '^Sig(Blk|Ign|Cgt)', '/proc/self/status']);
output('the child is in the same session', 'sh', ['-c', 'ps -o sid= -p $$ | tr -d " "']);

compare('detached makes the child the leader of a session', async ({ spawn }, log) => {
  const child = spawn('sh', ['-c', 'ps -o sid=,pgid= -p $$'], { detached: true });
  const { stdout } = await outputsOf(child);
  log(
    stdout
      .trim()
      .split(/\s+/)
      .map((id) => Number(id) === child.pid),
  );
});

compare('a timeout kills with SIGTERM', async ({ spawn }, log) => {
  const child = spawn('sleep', ['1000'], { timeout: 10 });
  await logEvents(child, log);
  log(child.killed, child.signalCode, child.exitCode);
});

compare('a timeout kills with killSignal', async ({ spawn }, log) => {
  await logEvents(spawn('sleep', ['1000'], { timeout: 10, killSignal: 'SIGKILL' }), log);
});

compare('a timeout that does not expire', async ({ spawn }, log) => {
  await logEvents(spawn('true', [], { timeout: 100_000 }), log);
});

compare('an abort kills and is an error with its cause', async ({ spawn }, log) => {
  const controller = new AbortController();
  const child = spawn('sleep', ['1000'], { signal: controller.signal, killSignal: 'SIGINT' });
  child.on('spawn', () => controller.abort(new Error('enough')));
  await logEvents(child, log);
});

compare('a signal that was aborted before', async ({ spawn }, log) => {
  await logEvents(spawn('sleep', ['1000'], { signal: AbortSignal.abort('early') }), log);
});

compare('an abort after the end changes nothing', async ({ spawn }, log) => {
  const controller = new AbortController();
  await logEvents(spawn('true', { signal: controller.signal }), log);
  controller.abort();
});

compareCall('the options object of the caller stays as it is', ({ spawn }) => {
  const options = { env: { A: '1' }, cwd: '/', stdio: 'ignore', shell: true };
  spawn('true', options);
  return options;
});

compareCall(
  'NODE_V8_COVERAGE reaches a child with an environment of its own',
  scriptOf(`
  process.env.NODE_V8_COVERAGE = '/tmp/none';
  const env = { A: '1' };
  console.log(cp.spawnSync('/usr/bin/env', { env, encoding: 'utf8' }).stdout, env);`),
);

compareCall(
  'shell with arguments warns as this node does',
  scriptOf(`
  cp.spawnSync('echo', ['a'], { shell: true });
  cp.spawnSync('echo', ['a'], { shell: true });
  process.on('warning', (w) => console.log(w.code, w.name, w.message));`),
);

compareCall(
  'a child of a detached and unreferenced child outlives us',
  scriptOf(`
  const child = cp.spawn('sleep', ['0.01'], { detached: true, stdio: 'ignore' });
  child.on('exit', () => console.log('not waited for'));
  child.unref();`),
);

// By index.
const WITH_HOLES = [
  { 1: 'pipe' },
  { 1: 'ignore', 2: 'pipe' },
  { 0: 'pipe', 2: 'pipe', 4: 'pipe' },
  { 2: 'ignore' },
];
for (const stdio of WITH_HOLES.map((entries) => Object.assign([], entries))) {
  compare(`holes in stdio: ${JSON.stringify(stdio)}`, async ({ spawn, spawnSync }, log) => {
    const child = spawn(
      'sh',
      ['-c', 'for n in 0 1 2 3 4; do [ -S /proc/$$/fd/$n ] && echo $n; done; exit 0'],
      {
        stdio: stdio.slice(),
      },
    );
    const kinds = [child.stdin, child.stdout, child.stderr, ...child.stdio].map((stream) => stream !== null);
    log(kinds, await outputsOf(child), spawnSync('true', { stdio: stdio.slice() }).output?.length);
  });
}

const NO_TEXT = [
  ['a symbol', Symbol('s')],
  [
    'what refuses',
    {
      toString: () => {
        throw new Error('refused');
      },
    },
  ],
  ['what has none', Object.create(null)],
];
for (const [what, argument] of NO_TEXT) {
  compare(`an argument without a text: ${what}`, async ({ spawn, spawnSync }, log) => {
    const args = ['-c', 'echo $# "$@"', 'sh', 'a', argument, 'b'];
    try {
      log(spawnSync('sh', args).status);
    } catch (error) {
      log(error);
    }
    log(await outputsOf(spawn('sh', args)));
  });
}

function makeProgram() {
  const directory = path.join(os.tmpdir(), `oxipc-program-${process.pid}`);
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(path.join(directory, 'x-program'), 'echo ran "$0" "$@"', { mode: 0o755 });
  process.on('exit', () => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}
