// Everything of node:child_process that a TypeScript program can name. programs.test.js compiles it with
// oxipc/child_process in its place too.

import * as childProcess from 'node:child_process';
import { EventEmitter } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';

function spawning(): childProcess.ChildProcess[] {
  const options: childProcess.SpawnOptions = {
    argv0: 'name',
    cwd: new URL('file:///'),
    detached: true,
    env: { ...process.env, NAME: 'value' },
    gid: 1,
    killSignal: 'SIGKILL',
    serialization: 'advanced',
    shell: '/bin/sh',
    signal: AbortSignal.timeout(1),
    stdio: [
      'pipe',
      'ignore',
      'inherit',
      'ipc',
      5,
      process.stdin,
      null,
      undefined,
      fs.createReadStream('file'),
    ],
    timeout: 10,
    uid: 1,
    windowsHide: true,
    windowsVerbatimArguments: true,
  };
  const open: childProcess.ChildProcess = childProcess.spawn('program', ['argument'], options);
  const alone: childProcess.ChildProcessWithoutNullStreams = childProcess.spawn('program');
  const listed: childProcess.ChildProcessWithoutNullStreams = childProcess.spawn('program', ['argument']);
  const shelled = childProcess.spawn('program', { shell: true, cwd: '/' });
  const constant: readonly string[] = ['argument'];
  const piped = childProcess.spawn('program', constant, { stdio: 'pipe' });
  piped.stdin.end(shelled.stdout.readableLength + piped.stderr.readableLength);

  const everything: childProcess.ChildProcessByStdio<Writable, Readable, Readable> = childProcess.spawn(
    'program',
    {
      stdio: ['pipe', undefined, null],
    },
  );
  const out: childProcess.ChildProcessByStdio<null, Readable, null> = childProcess.spawn('program', [], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const into: childProcess.ChildProcessByStdio<Writable, null, null> = childProcess.spawn('program', [], {
    stdio: ['pipe', process.stdout, process.stderr],
  });
  const none: childProcess.ChildProcessByStdio<null, null, null> = childProcess.spawn('program', {
    stdio: ['inherit', 'inherit', 'inherit'],
  });
  const inherited: childProcess.ChildProcess = childProcess.spawn('program', { stdio: 'inherit' });
  const tuple: childProcess.SpawnOptionsWithStdioTuple<'pipe', 'ignore', 'pipe'> = {
    stdio: ['pipe', 'ignore', 'pipe'],
  };
  const both: [Writable, null, Readable] = [
    childProcess.spawn('program', [], tuple).stdin,
    childProcess.spawn('program', [], tuple).stdout,
    childProcess.spawn('program', tuple).stderr,
  ];
  both[0].end(everything.stdin.writableLength + out.stdout.readableLength);
  const withoutStdio: childProcess.SpawnOptionsWithoutStdio = { cwd: '/' };
  childProcess.spawn('program', [], withoutStdio).stdout.setEncoding('utf8');
  const stdio: childProcess.StdioOptions = ['pipe', 'overlapped'];
  return [
    open,
    alone,
    listed,
    everything,
    out,
    into,
    none,
    inherited,
    childProcess.spawn('program', { stdio }),
  ];
}

function events(child: childProcess.ChildProcess): void {
  child
    .addListener('close', (code: number | null, signal: NodeJS.Signals | null) => [code, signal])
    .addListener('disconnect', () => {})
    .addListener('error', (error: Error) => error.message)
    .addListener('exit', (code, signal) => [code?.toFixed(), signal?.trim()])
    .addListener('message', (message: childProcess.Serializable, handle: childProcess.SendHandle) => [
      message,
      handle,
    ])
    .addListener('spawn', () => {});
  child
    .on('close', (code, signal) => [code?.toFixed(), signal?.trim()])
    .on('error', (error) => error.stack)
    .on('exit', (code) => code)
    .on('message', (message, handle) =>
      handle instanceof net.Socket ? handle.end(String(message)) : handle,
    );
  child.once('exit', (code, signal) => [code, signal]).prependListener('close', () => {});
  child.prependOnceListener('message', (message) => message);
  const heard: boolean = child.emit('exit', 0, null) || child.emit('message', 'text', undefined);
  child.emit('anything else', heard);
  const emitter: EventEmitter = child;
  emitter.removeAllListeners();
}

function using(child: childProcess.ChildProcess): unknown[] {
  child.stdin?.write('text');
  child.stdout?.on('data', (chunk: Buffer) => chunk.length);
  child.stderr?.pipe(process.stderr);
  const [input, output, error, extra, more] = child.stdio;
  const facts: [
    number | undefined,
    boolean,
    boolean,
    number | null,
    NodeJS.Signals | null,
    string[],
    string,
  ] = [
    child.pid,
    child.killed,
    child.connected,
    child.exitCode,
    child.signalCode,
    child.spawnargs,
    child.spawnfile,
  ];
  const sent: boolean[] = [
    child.send('text'),
    child.send({ key: [1, 2, 'three'] }, (failure: Error | null) => failure?.message),
    child.send('server', net.createServer()),
    child.send('socket', new net.Socket(), { keepOpen: true }),
    child.send('socket', undefined, {}, (failure) => failure?.message),
    child.kill(),
    child.kill('SIGTERM'),
    child.kill(9),
  ];
  const options: childProcess.MessageOptions = { keepOpen: false };
  child.channel?.ref();
  child.channel?.unref();
  child.disconnect();
  child.ref();
  child.unref();
  child[Symbol.dispose]();
  return [input?.writable, output?.readable, error?.readable, extra, more, ...facts, ...sent, options];
}

function forking(): childProcess.ChildProcess {
  const options: childProcess.ForkOptions = {
    cwd: '/',
    detached: false,
    env: process.env,
    execArgv: ['--enable-source-maps'],
    execPath: process.execPath,
    serialization: 'json',
    silent: true,
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
  };
  childProcess.fork(new URL('file:///program.js'), options);
  childProcess.fork('program.js', ['argument'] as const);
  childProcess.fork('program.js');
  return childProcess.fork('program.js', ['argument'], options);
}

async function executing(): Promise<string> {
  childProcess.exec('command');
  childProcess.exec('command', (error, stdout, stderr) => [
    error?.code,
    error?.killed,
    stdout.trim(),
    stderr.trim(),
  ]);
  childProcess.exec('command', { encoding: 'latin1', cwd: '/', maxBuffer: 10 }, (_error, stdout) =>
    stdout.trim(),
  );
  childProcess.exec('command', { encoding: 'buffer' }, (_error, stdout: Buffer) => stdout.readInt8());
  childProcess.exec('command', { encoding: null }, (_error, stdout) => stdout.readInt8());
  childProcess.exec('command', { encoding: 'no encoding' }, (_error, stdout) => stdout.slice(1));
  const text: childProcess.ExecOptionsWithStringEncoding = {
    encoding: 'utf8',
    shell: '/bin/sh',
    timeout: 10,
  };
  const bytes: childProcess.ExecOptionsWithBufferEncoding = { encoding: 'buffer' };
  const open: childProcess.ExecOptions = { encoding: 'utf8', killSignal: 'SIGINT', windowsHide: true };
  childProcess.exec('command', text, (_error, stdout) => stdout.trim());
  childProcess.exec('command', bytes, (_error, _stdout, stderr) => stderr.readInt8());
  childProcess.exec('command', open, (error: childProcess.ExecException | null, stdout) => [
    error?.cmd,
    stdout.length,
  ]);
  childProcess.exec('command', undefined, () => {});

  const child: childProcess.ChildProcess = childProcess.execFile('file');
  childProcess.execFile('file', ['argument'], (_error, stdout) => stdout.trim());
  childProcess.execFile('file', { encoding: 'utf8' }, (_error, stdout) => stdout.trim());
  childProcess.execFile('file', ['argument'], { encoding: 'buffer' }, (_error, stdout) => stdout.readInt8());
  childProcess.execFile('file', null, { encoding: null }, (_error, stdout) => stdout.readInt8());
  childProcess.execFile('file', ['argument'], { shell: true }, (error, stdout) => [error?.signal, stdout]);
  const fileText: childProcess.ExecFileOptionsWithStringEncoding = { encoding: 'utf8' };
  const fileBytes: childProcess.ExecFileOptionsWithBufferEncoding = { encoding: 'buffer' };
  const fileOpen: childProcess.ExecFileOptions = { signal: AbortSignal.timeout(1) };
  childProcess.execFile('file', fileText, (_error, stdout) => stdout.trim());
  childProcess.execFile('file', [], fileBytes, (_error, stdout) => stdout.readInt8());
  childProcess.execFile('file', [], fileOpen, (_error, stdout) => stdout.length);

  const exec = promisify(childProcess.exec);
  const execFile = promisify(childProcess.execFile);
  const running: childProcess.PromiseWithChild<{ stdout: string; stderr: string }> = exec('command');
  running.child.kill();
  const results = [
    (await running).stdout.trim(),
    (await exec('command', { encoding: 'utf8' })).stderr.trim(),
    (await exec('command', { encoding: 'buffer' })).stdout.readInt8(),
    (await exec('command', open)).stdout.length,
    (await execFile('file')).stdout.trim(),
    (await execFile('file', ['argument'])).stdout.trim(),
    (await execFile('file', ['argument'], { encoding: 'utf8' })).stdout.trim(),
    (await execFile('file', ['argument'], { encoding: 'buffer' })).stderr.readInt8(),
    (await execFile('file', fileOpen)).stdout.length,
  ];
  return [child.pid, ...results].join();
}

function synchronous(): unknown[] {
  const options: childProcess.SpawnSyncOptions = {
    cwd: '/',
    input: new DataView(new ArrayBuffer(1)),
    stdio: 'pipe',
    encoding: 'utf8',
    maxBuffer: 10,
    shell: true,
    timeout: 1,
  };
  const bytes: childProcess.SpawnSyncReturns<Buffer> = childProcess.spawnSync('program');
  const text: childProcess.SpawnSyncReturns<string> = childProcess.spawnSync('program', ['a'], {
    encoding: 'utf8',
  });
  const either: childProcess.SpawnSyncReturns<string | Buffer> = childProcess.spawnSync(
    'program',
    ['a'],
    options,
  );
  const { pid, output, status, signal, error } = text;
  const asText: childProcess.SpawnSyncOptionsWithStringEncoding = { encoding: 'hex' };
  const asBytes: childProcess.SpawnSyncOptionsWithBufferEncoding = { encoding: 'buffer', input: 'text' };
  childProcess.spawnSync('program', asText).stderr.trim();
  childProcess.spawnSync('program', [], asBytes).stderr.readInt8();

  const executed: (string | Buffer)[] = [
    childProcess.execSync('command').subarray(1),
    childProcess.execSync('command', { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim(),
    childProcess.execSync('command', { encoding: 'buffer' }).subarray(1),
    childProcess.execSync('command', { input: 'text' } as childProcess.ExecSyncOptions),
    childProcess
      .execSync('command', { encoding: 'utf8' } as childProcess.ExecSyncOptionsWithStringEncoding)
      .trim(),
    childProcess.execSync('command', {} as childProcess.ExecSyncOptionsWithBufferEncoding).subarray(1),
    childProcess.execFileSync('file').subarray(1),
    childProcess.execFileSync('file', ['a']).subarray(1),
    childProcess.execFileSync('file', ['a'], { encoding: 'utf8' }).trim(),
    childProcess.execFileSync('file', { encoding: 'utf8' }).trim(),
    childProcess.execFileSync('file', ['a'], { stdio: 'ignore' }).subarray(1),
    childProcess.execFileSync('file', ['a'], {} as childProcess.ExecFileSyncOptions),
    childProcess.execFileSync('file', {} as childProcess.ExecFileSyncOptionsWithBufferEncoding).subarray(1),
  ];
  return [
    bytes.stdout.readInt8(),
    either.stdout.length,
    pid,
    output[1]?.trim(),
    status,
    signal,
    error,
    ...executed,
  ];
}

class Double extends EventEmitter implements childProcess.ChildProcess {
  stdin = null;
  stdout = null;
  stderr = null;
  stdio: childProcess.ChildProcess['stdio'] = [null, null, null, undefined, undefined];
  killed = false;
  connected = false;
  exitCode = null;
  signalCode = null;
  spawnargs: string[] = [];
  spawnfile = '';
  channel: childProcess.Control | null = null;
  kill() {
    return true;
  }
  send() {
    return true;
  }
  disconnect() {}
  ref() {}
  unref() {}
  [Symbol.dispose]() {}
}

class Own extends childProcess.ChildProcess {
  readonly started = Date.now();
  override kill(signal?: NodeJS.Signals | number): boolean {
    return super.kill(signal ?? 'SIGINT');
  }
}

const replaced: typeof childProcess.spawn = childProcess.spawn;
type Started = ReturnType<typeof childProcess.spawn>;
type Arguments = Parameters<typeof childProcess.fork>;
const forked = (...args: Arguments): Started => childProcess.fork(...args);

export = { Double, events, executing, forked, forking, Own, replaced, spawning, synchronous, using };
