'use strict';

// Children on a terminal: a program runs under `script`, which gives it a pseudo-terminal, and what has appeared there is
// compared.

const assert = require('node:assert/strict');
const nodeChildProcess = require('node:child_process');
const { once } = require('node:events');
const { execPath } = require('node:process');
const { test } = require('node:test');

const { PROGRAM_LIMIT_MS, compare } = require('./compare');

const skip =
  !nodeChildProcess.spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') &&
  'needs script of util-linux';

// What the programs here share. `facts` is what a process sees of its terminal; a child says it first.
const PRELUDE = `
  const tty = require('node:tty');
  const cp = require(process.env.MODULE);
  const say = (...facts) => process.stdout.write(JSON.stringify(facts) + '\\n');
  const facts = () => {
    const { stdin, stdout, stderr } = process;
    return [
      [stdin, stdout, stderr].map((stream) => [stream.isTTY, tty.isatty(stream.fd), stream.constructor.name]),
      [stdout.columns, stdout.rows, stderr.columns, stderr.rows],
    ];
  };
  const child = [process.execPath, ['-e', process.env.PRELUDE + process.env.CHILD]];
  const logEnd = (child) => child.on('close', (...end) => say('closed', ...end));`;

/**
 * Runs a program and the program that it starts as `child`, on a terminal of 97 columns and 33 rows, and resolves with all
 * that appeared there. `typed` are pairs: when the text has appeared, the keys are typed.
 */
async function onTerminal(module, program, childProgram, typed = []) {
  // The terminal does not echo: when it would is chance.
  const command = 'stty -echo cols 97 rows 33 && exec "$NODE" -e "$PRELUDE$PROGRAM"';
  const script = nodeChildProcess.spawn('script', ['-qec', command, '/dev/null'], {
    env: {
      PATH: process.env.PATH,
      SHELL: '/bin/sh',
      TERM: 'dumb',
      NODE: execPath,
      MODULE:
        module === nodeChildProcess ? 'node:child_process' : require.resolve('../../../lib/child_process'),
      PRELUDE,
      PROGRAM: program,
      CHILD: childProgram,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: PROGRAM_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const [...awaited] = typed;
  let transcript = '';
  let seen = 0;
  script.stdout.setEncoding('utf8').on('data', (chunk) => {
    transcript += chunk;
    for (let at; awaited.length > 0 && (at = transcript.indexOf(awaited[0][0], seen)) >= 0; ) {
      const [text, keys] = awaited.shift();
      seen = at + text.length;
      script.stdin.write(keys);
    }
  });
  const end = await once(script, 'close');
  return { end, transcript: transcript.split('\r\n'), notTyped: awaited };
}

const terminal = (name, program, childProgram, typed) =>
  compare(name, async (module, log) => log(await onTerminal(module, program, childProgram, typed)), { skip });

// Reads one line and ends; the line says with which code.
const READER = `
  say('child', ...facts());
  process.stderr.write('child on stderr\\n');
  process.stdin.once('data', (line) => {
    say('child got', String(line));
    process.exit(Number(line));
  });
  say('type');`;

const LINE = ['["type"]', '7\n'];

// The terminal is whole after the child: we read from it.
const READ_AFTERWARDS = `
  say('parent', ...facts());
  process.stdin.once('data', (line) => {
    say('parent got', String(line));
    process.exit(Number(line));
  });
  say('type');`;

for (const [name, stdio] of Object.entries({
  "'inherit'": "'inherit'",
  "'inherit' for each": "['inherit', 'inherit', 'inherit']",
  descriptors: '[0, 1, 2]',
  "process's streams": '[process.stdin, process.stdout, process.stderr]',
  'descriptors the other way round': '[2, 0, 1]',
})) {
  terminal(
    `spawn: ${name}`,
    `logEnd(cp.spawn(...child, { stdio: ${stdio} })).on('close', () => { ${READ_AFTERWARDS} });`,
    READER,
    [LINE, LINE],
  );
  terminal(
    `spawnSync: ${name}`,
    `const { status, signal, output } = cp.spawnSync(...child, { stdio: ${stdio} });
    say(status, signal, output);
    ${READ_AFTERWARDS}`,
    READER,
    [LINE, LINE],
  );
}

terminal(
  'spawn: streams of tty',
  `const input = new tty.ReadStream(0);
  logEnd(cp.spawn(...child, { stdio: [input, new tty.WriteStream(1), new tty.WriteStream(2)] })).on('close', () => {
    say(input.bytesRead, input.isPaused(), input.destroyed);
    input.destroy();
  });`,
  READER,
  [LINE],
);

test('spawnSync takes streams of tty, with which Node aborts', { skip }, async () => {
  const { transcript } = await onTerminal(
    require('../../../lib/child_process'),
    `const { status } = cp.spawnSync(...child, { stdio: ['ignore', new tty.WriteStream(1), 'ignore'] });
    say(status);`,
    `say(process.stdout.isTTY, process.stdout.columns);`,
  );
  assert.deepEqual(transcript, ['[true,97]', '[0]', '']);
});

for (const stdio of [
  ['pipe', 'inherit', 'ignore'],
  ['inherit', 'pipe', 'inherit'],
]) {
  terminal(
    `only some on the terminal: ${stdio}`,
    `const { status, stdout } = cp.spawnSync(...child, { stdio: ${JSON.stringify(stdio)}, encoding: 'utf8' });
    say(status, stdout);
    const running = logEnd(cp.spawn(...child, { stdio: ${JSON.stringify(stdio)} }));
    running.stdout?.on('data', (chunk) => say(String(chunk)));
    running.stdin?.end();`,
    `require('node:fs').writeSync(1, JSON.stringify([0, 1, 2].map((fd) => tty.isatty(fd))) + '\\n');`,
  );
}

terminal(
  'fork, exec and their synchronous kin',
  `cp.execSync('tty -s && echo execSync', { stdio: 'inherit' });
  cp.execFileSync('sh', ['-c', 'tty -s && echo execFileSync'], { stdio: 'inherit' });
  cp.execFileSync('sh', ['-c', 'test -t 2 || echo stderr by way of us >&2']);
  cp.exec('test -t 0 || echo exec has pipes', (error, stdout) => {
    say(error, stdout);
    const forked = cp.fork('-', { execArgv: ['-e', process.env.PRELUDE + process.env.CHILD] });
    forked.on('message', (message) => say('message', message));
    logEnd(forked);
  });`,
  `say(...facts());
  process.send('from the child', () => process.disconnect());`,
);

// Echoes the keys as they come, until Ctrl-D.
const RAW = `
  process.stdin.setRawMode(true).on('data', (keys) => {
    say('keys', String(keys));
    if (String(keys) !== '\\x04') return say('next');
    process.stdin.setRawMode(false);
    process.exit();
  });
  say('raw');`;

terminal(
  'raw mode of the child',
  `const settings = () => cp.execFileSync('stty', ['-g'], { stdio: ['inherit', 'pipe', 'inherit'], encoding: 'utf8' });
  const before = settings();
  logEnd(cp.spawn(...child, { stdio: 'inherit' })).on('close', () => say(settings() === before));`,
  RAW,
  [
    ['["raw"]', 'a'],
    ['["next"]', '\x03'],
    ['["next"]', '\x04'],
  ],
);

terminal(
  'Ctrl-C reaches the child and us',
  `const interrupted = new Promise((resolve) => process.once('SIGINT', resolve));
  // The child may be heard of first, and who only listens for a signal ends.
  const alive = setInterval(() => {}, 1000);
  cp.spawn(...child, { stdio: 'inherit' }).on('close', async (...end) => {
    say('closed', ...end);
    say('we got', await interrupted);
    clearInterval(alive);
  });`,
  `process.stdin.resume();
  say('type');`,
  [['["type"]', '\x03']],
);

terminal(
  'a window of another size is told to the child',
  `logEnd(cp.spawn(...child, { stdio: 'inherit' }));`,
  `process.stdout.once('resize', () => {
    say('resized', process.stdout.columns, process.stdout.rows);
    process.exit();
  });
  process.stdin.resume();
  require('node:child_process').spawn('stty', ['cols', '50'], { stdio: 'inherit' });`,
);
