'use strict';

const fs = require('node:fs');

const { compareCall, scriptOf } = require('./compare');

const withoutPid = (result) => {
  const { pid, error, ...rest } = result;
  return [
    Object.keys(result),
    typeof pid,
    error?.message,
    error?.code,
    error?.errno,
    error?.path,
    error?.spawnargs,
    rest,
  ];
};

const spawnSync = (name, file, args, options, testOptions) =>
  compareCall(name, (module) => withoutPid(module.spawnSync(file, args, options)), testOptions);

const thrown = (name, call, testOptions) =>
  compareCall(
    name,
    (module) => {
      try {
        return call(module);
      } catch (error) {
        // A pid differs from run to run.
        if (typeof error.pid === 'number') error.pid = 0;
        if (error.error === error) error.error = 'itself';
        return error;
      }
    },
    testOptions,
  );

spawnSync('both outputs', 'sh', ['-c', 'echo out; echo err >&2']);
spawnSync('a status', 'sh', ['-c', 'exit 7']);
spawnSync('a signal', 'sh', ['-c', 'kill -9 $$']);
spawnSync('a missing file', 'oxipc-missing', ['a']);
spawnSync('input as text', 'cat', [], { input: 'tëxt' });
spawnSync('input as text in an encoding', 'cat', [], { input: '74657874', encoding: 'hex' });
spawnSync('empty input', 'cat', [], { input: '' });
for (const Kind of [Buffer, Uint8Array, Int8Array, Uint16Array, Int32Array, Float64Array, BigInt64Array]) {
  const values = Kind === BigInt64Array ? [1n, 2n] : [1, 2];
  spawnSync(`input as ${Kind.name}`, 'cat', [], { input: Kind.from(values) });
}
spawnSync('input as DataView', 'cat', [], {
  input: new DataView(Uint8Array.from([1, 2, 3, 4]).buffer, 1, 2),
});
spawnSync('more input than a pipe holds', 'md5sum', [], { input: Buffer.alloc(3_000_000, 'x') });
spawnSync('input that is not read', 'true', [], { input: Buffer.alloc(3_000_000, 'x') });
spawnSync('input with stdin ignored', 'cat', [], { input: 'x', stdio: ['ignore', 'pipe', 'pipe'] });
spawnSync('encoding', 'printf', ['ä'], { encoding: 'utf8' });
spawnSync('encoding buffer', 'printf', ['ä'], { encoding: 'buffer' });
spawnSync('encoding latin1', 'printf', ['ä'], { encoding: 'latin1' });
spawnSync('a timeout', 'sleep', ['1000'], { timeout: 20 });
spawnSync('a timeout with a signal', 'sleep', ['1000'], { timeout: 20, killSignal: 'SIGKILL' });
spawnSync('a timeout with a signal number', 'sleep', ['1000'], { timeout: 20, killSignal: 2 });
spawnSync('a timeout that does not expire', 'true', [], { timeout: 100_000 });
spawnSync('maxBuffer reached', 'head', ['-c', '1000', '/dev/zero'], { maxBuffer: 1000 });
compareCall('maxBuffer exceeded', ({ spawnSync }) => {
  const { output, error, status, signal } = spawnSync('head', ['-c', '300000', '/dev/zero'], {
    maxBuffer: 1000,
  });
  // How much came in the last read is chance.
  return [error, status, signal, output.map((bytes) => bytes?.length > 1000)];
});
spawnSync(
  'maxBuffer of both outputs together',
  'sh',
  ['-c', 'printf aaaa; sleep 0.05; printf bbbb >&2; exec sleep 1000'],
  {
    maxBuffer: 6,
  },
);
spawnSync('maxBuffer 0 is none', 'head', ['-c', '3000000', '/dev/zero'], { maxBuffer: 0 });
spawnSync('maxBuffer Infinity', 'head', ['-c', '3000000', '/dev/zero'], { maxBuffer: Infinity });
spawnSync('a shell', 'echo $0', [], { shell: true });
spawnSync('argv0', 'sh', ['-c', 'echo $0'], { argv0: 'other' });
spawnSync('cwd and env', 'sh', ['-c', 'pwd; echo $A'], { cwd: '/usr', env: { A: '1' } });
spawnSync(
  'uid and gid',
  'id',
  [],
  { uid: 65534, gid: 65534 },
  { skip: process.getuid() !== 0 && 'needs root' },
);
spawnSync('stdio ignore', 'echo', ['x'], { stdio: 'ignore' });
spawnSync('stdio with an extra pipe', 'sh', ['-c', 'echo x >&3'], {
  stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
});
spawnSync('text in the stdio list', 'cat', [], { stdio: ['pipe', 'pipe', 'pipe', 'text'] });
spawnSync('a negative descriptor is a pipe', 'echo', ['x'], { stdio: ['pipe', -1, 'pipe'] });

compareCall('a descriptor in the stdio list', ({ spawnSync }) => {
  const file = `${require('node:os').tmpdir()}/oxipc-sync-${process.pid}`;
  const fd = fs.openSync(file, 'w');
  const result = withoutPid(spawnSync('echo', ['to a file'], { stdio: ['ignore', fd, 'ignore'] }));
  fs.closeSync(fd);
  const text = fs.readFileSync(file, 'utf8');
  fs.unlinkSync(file);
  return [result, text];
});

thrown('a wrong kind of input', ({ spawnSync }) => spawnSync('cat', { input: {} }));
thrown('execSync gives the output', ({ execSync }) => execSync('echo out'));
thrown('execSync with an encoding', ({ execSync }) => execSync('echo out', { encoding: 'utf8' }));
thrown('execSync that fails', ({ execSync }) =>
  execSync('echo out; echo err >&2; exit 3', { stdio: 'pipe' }),
);
thrown('execSync that fails, as text', ({ execSync }) =>
  execSync('echo err >&2; exit 3', { stdio: 'pipe', encoding: 'utf8' }),
);
thrown('execSync that dies', ({ execSync }) => execSync('kill -9 $$', { stdio: 'pipe' }));
thrown('execSync that takes too long', ({ execSync }) =>
  execSync('exec sleep 1000', { timeout: 20, stdio: 'pipe' }),
);
thrown('execSync above maxBuffer', ({ execSync }) =>
  execSync("printf 'more than ten'; exec sleep 1000", { maxBuffer: 10, stdio: 'pipe' }),
);
thrown('execSync with a missing shell', ({ execSync }) => execSync('true', { shell: '/oxipc-missing' }));
thrown('execSync with shell: false', ({ execSync }) => execSync('echo $0', { shell: false }));
thrown('an empty cwd is none that there could be', ({ execFileSync }) => execFileSync('pwd', { cwd: '' }));

thrown('execFileSync gives the output', ({ execFileSync }) => execFileSync('echo', ['a', 'b']));
thrown('execFileSync with input', ({ execFileSync }) =>
  execFileSync('cat', { input: 'x', encoding: 'utf8' }),
);
thrown('execFileSync that fails', ({ execFileSync }) =>
  execFileSync('sh', ['-c', 'exit 3'], { stdio: 'pipe' }),
);
thrown('execFileSync that fails, with argv0', ({ execFileSync }) =>
  execFileSync('sh', ['-c', 'exit 3'], { argv0: 'other', stdio: 'pipe' }),
);
thrown('execFileSync of a missing file', ({ execFileSync }) => execFileSync('/oxipc-missing', ['a']));
thrown('execFileSync without its own arguments', ({ execFileSync }) =>
  execFileSync('true', undefined, undefined),
);

compareCall(
  'stderr goes to ours unless stdio is given',
  scriptOf(`
  cp.execSync('echo one >&2');
  cp.execFileSync('sh', ['-c', 'echo two >&2']);
  cp.execSync('echo three >&2', { stdio: 'pipe' });
  try { cp.execSync('echo four >&2; exit 1'); } catch (e) { console.log(e.status, String(e.stderr), e.message); }
  cp.execSync('echo five', { stdio: 'inherit' });`),
);

compareCall(
  'what the output is when stdio is inherited',
  scriptOf(`
  console.log(cp.execSync('true', { stdio: 'inherit' }), cp.spawnSync('true', { stdio: 'inherit' }).output);`),
);
