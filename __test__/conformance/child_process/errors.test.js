'use strict';

const { pathToFileURL } = require('node:url');

const { compare, compareCall, logEvents } = require('./compare');

// What each option is given; every function must refuse or take it as node's does.
const BAD = [
  undefined,
  null,
  true,
  1,
  -1,
  1.5,
  NaN,
  Infinity,
  '',
  'text',
  'nul\0',
  {},
  [],
  () => {},
  Symbol('s'),
  10n,
];
const OPTIONS = [
  'cwd',
  'detached',
  'uid',
  'gid',
  'shell',
  'argv0',
  'windowsHide',
  'windowsVerbatimArguments',
];

const label = (value) => (typeof value === 'symbol' ? 'a symbol' : (JSON.stringify(value) ?? typeof value));
const noShell = (option, value) => option !== 'shell' || value !== 'text';

// Only what is refused at once is compared: what is taken would run.
function refusal(call) {
  try {
    const result = call();
    result?.on?.('error', () => {});
    return 'taken';
  } catch (error) {
    return error;
  }
}

for (const option of OPTIONS) {
  compareCall(`option ${option}: each kind of value`, (module) =>
    BAD.filter((value) => noShell(option, value)).flatMap((value) => [
      label(value),
      refusal(() => module.spawn('true', [], { [option]: value, stdio: 'ignore' })),
      refusal(() => module.spawnSync('true', [], { [option]: value, stdio: 'ignore' })),
    ]),
  );
}

for (const option of ['timeout', 'maxBuffer', 'killSignal']) {
  compareCall(`option ${option} of every function: each kind of value`, (module) =>
    BAD.flatMap((value) => [
      label(value),
      refusal(() => module.spawn('true', [], { [option]: value, stdio: 'ignore' })),
      refusal(() => module.execFile('true', [], { [option]: value })),
      refusal(() => module.exec('true', { [option]: value })),
      refusal(() => void module.spawnSync('true', [], { [option]: value, stdio: 'ignore' })),
      refusal(() => void module.execFileSync('true', [], { [option]: value, stdio: 'ignore' })),
    ]),
  );
}

for (const option of ['signal', 'serialization', 'stdio', 'env']) {
  compareCall(`option ${option}: each kind of value`, (module) =>
    BAD.filter((value) => typeof value !== 'symbol' && !(option === 'stdio' && value === 'ignore')).flatMap(
      (value) => [label(value), refusal(() => module.spawn('true', [], { [option]: value }))],
    ),
  );
}

compareCall('every kind of file and arguments', (module) =>
  BAD.flatMap((value) => [
    label(value),
    refusal(() => module.spawn(value)),
    refusal(() => module.execFile(value)),
    refusal(() => module.exec(value)),
    refusal(() => module.fork(value, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })),
    typeof value === 'object' || refusal(() => module.spawn('true', value)),
    typeof value === 'object' || refusal(() => module.fork(__dirname, value)),
    refusal(() => module.spawn('true', [], value)),
    refusal(() => module.spawn('true', ['ok', value && typeof value === 'string' ? value : 'nul\0'])),
    refusal(() => module.execFile('true', [], {}, value)),
  ]),
);

compareCall('null bytes in each place', (module) => [
  refusal(() => module.spawn('a\0b')),
  refusal(() => module.spawn('a', ['b', 'a\0b'])),
  refusal(() => module.spawn('a', { cwd: 'a\0b' })),
  refusal(() => module.spawn('a', { cwd: Buffer.from('a\0b') })),
  refusal(() => module.spawn('a', { argv0: 'a\0b' })),
  refusal(() => module.spawn('a', { shell: 'a\0b' })),
  refusal(() => module.spawn('a', { env: { A: 'a\0b' } })),
  refusal(() => module.spawn('a', { env: { 'a\0b': '1' } })),
  refusal(() => module.exec('a\0b')),
  refusal(() => module.execFile('a', { argv0: 'a\0b' })),
  refusal(() => module.execSync('a\0b')),
  refusal(() => module.execFileSync('a', ['a\0b'])),
  refusal(() => module.fork('a\0b')),
  refusal(() => module.fork('a', ['a\0b'])),
  refusal(() => module.fork('a', { execPath: 'a\0b' })),
  refusal(() => module.fork('a', { execArgv: ['a\0b'] })),
]);

compareCall('stdio lists that cannot be', (module) => [
  refusal(() => module.spawn('true', { stdio: ['ipc', 'ipc'] })),
  refusal(() => module.spawn('true', { stdio: ['foo'] })),
  refusal(() => module.spawn('true', { stdio: [{ foo: 'bar' }] })),
  refusal(() => module.spawn('true', { stdio: [Buffer.from('x')] })),
  refusal(() => module.spawnSync('true', { stdio: ['ipc'] })),
  refusal(() => module.spawnSync('true', { stdio: [{}] })),
  refusal(() => module.spawn('true', { stdio: [99_999] })),
  refusal(() => module.fork('x', { stdio: ['pipe'] })),
  refusal(() => module.fork('x', { stdio: 'pipes' })),
  refusal(() => module.fork('x', { stdio: ['ipc', 'ipc'] })),
]);

compareCall('URLs that are no directories', (module) => [
  refusal(() => module.spawn('true', { cwd: new URL('http://x/') })),
  refusal(() => module.spawn('true', { cwd: new URL('file://host/x') })),
  refusal(() => module.spawn('true', { cwd: new URL('file:///a%2Fb') })),
  refusal(() => module.fork(new URL('http://x/'))),
]);

const failing = [
  ['a missing program', 'oxipc-missing', [], {}],
  ['a missing program with a path', '/oxipc/missing', ['a', 'b'], {}],
  ['a missing directory', 'true', [], { cwd: '/oxipc-missing' }],
  ['a missing directory as URL', 'true', [], { cwd: pathToFileURL('/oxipc-missing') }],
  ['a program that may not be run', '/etc/passwd', ['x'], {}],
  ['a directory as program', '/', [], {}],
  ['a missing program through PATH', 'oxipc-missing', [], { env: { PATH: '/etc:/proc' } }],
];

for (const [name, file, args, options] of failing) {
  compare(`${name}: the error event`, async ({ spawn }, log) => {
    const child = spawn(file, args, options);
    log(
      child.pid,
      child.stdin === null,
      child.stdout === null,
      child.stdio.length,
      child.exitCode,
      child.killed,
    );
    // No kill() here: node's own goes to the number of a process that is reaped already, whoever has it now.
    await logEvents(child, log);
    log(child.exitCode, child.signalCode, child.pid, child.spawnfile, child.spawnargs);
  });
  compareCall(`${name}: in spawnSync`, ({ spawnSync }) => {
    const { error, ...rest } = spawnSync(file, args, options);
    return [error, rest];
  });
  compare(`${name}: in execFile`, async ({ execFile }, log) => {
    await new Promise((resolve) => execFile(file, args, options, (...results) => resolve(log(...results))));
  });
}

compareCall('what is thrown from spawn', (module) => [
  refusal(() => module.spawn('/etc/passwd/x')),
  refusal(() => module.spawn('true', { cwd: '/etc/passwd' })),
  refusal(() => module.spawn('x'.repeat(256))),
  refusal(() => module.spawn(`/${'x'.repeat(256)}`)),
  refusal(() => module.spawn('true', ['x'.repeat(10_000_000)])),
]);

compareCall(
  'an identity we may not take is thrown',
  (module) => {
    const { uid, gid } = { uid: 0, gid: 0 };
    return [refusal(() => module.spawn('true', { uid })), refusal(() => module.spawn('true', { gid }))];
  },
  { skip: process.getuid() === 0 && 'root may' },
);
