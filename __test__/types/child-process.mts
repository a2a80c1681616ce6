// What oxipc/child_process adds, and that Node's own module knows nothing of it.

import * as node from 'node:child_process';
import { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import {
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
  exec,
  execFile,
  execFileSync,
  execSync,
  fork,
  killTree,
  type ResourceUsage,
  RunError,
  type RunOptions,
  type RunResult,
  resourceUsage,
  run,
  type SpawnOptions,
  spawn,
  spawnSync,
} from 'oxipc/child_process';

/** Compiles only for the very same types. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_same: Same<A, B>): void {}

// A test double.
export class FakeChild extends EventEmitter implements ChildProcess {
  stdin = null;
  stdout = null;
  stderr = null;
  stdio: ChildProcess['stdio'] = [null, null, null, undefined, undefined];
  killed = false;
  connected = false;
  exitCode = null;
  signalCode = null;
  spawnargs: string[] = [];
  spawnfile = '';
  channel = null;
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

export async function nodesOwn() {
  const child = node.spawn('true');
  // @ts-expect-error a function of this module
  await child.killTree();
  // @ts-expect-error a function of this module
  child.resourceUsage();
  // @ts-expect-error an option of this module
  node.spawn('true', [], { oxipc: { dieWithParent: true } });
  // @ts-expect-error under oxipc
  spawn('true', [], { dieWithParent: true });
  // @ts-expect-error under oxipc
  execSync('true', { forceKillAfter: 1 });
  // @ts-expect-error no such option
  spawn('true', [], { oxipc: { dieWithParents: true } });
  // @ts-expect-error of exec alone
  spawn('true', [], { oxipc: { onMaxBuffer: 'head' } });
}

export async function extras(given: SpawnOptions) {
  const child = spawn('cat', [], { oxipc: { dieWithParent: 'SIGTERM', forceKillAfter: 100 } });
  const plain: ChildProcessWithoutNullStreams = child;
  same<typeof child.stdin, Writable>(true);
  same<typeof child.stderr, Readable>(true);
  same<typeof plain.stderr, Readable>(true);

  const merged = spawn('cat', { oxipc: { all: true }, stdio: ['ignore', 'pipe', 'pipe'] });
  same<typeof merged.stdin, null>(true);
  same<typeof merged.stdout, Readable>(true);
  same<typeof merged.stderr, null>(true);

  const listed = spawn('cat', [], { stdio: ['pipe', 'inherit', 2], oxipc: {} });
  same<typeof listed.stdin, Writable>(true);
  same<typeof listed.stdout, null>(true);
  same<typeof listed.stderr, null>(true);

  const unknown: ChildProcess = spawn('cat', [], given);
  fork('program.js', ['-v'], { oxipc: { dieWithParent: true }, silent: true }).send('hello');

  await killTree(child, 'SIGTERM', { forceKillAfter: 100 });
  await killTree(unknown);
  const used: ResourceUsage | undefined = resourceUsage(child);
  return used?.maxRSS;
}

export async function gathering() {
  const oxipc = { onMaxBuffer: 'tail' } as const;
  exec('true', { oxipc }, (_error, stdout) => stdout.trim());
  exec('true', { oxipc, encoding: 'buffer' }, (error, stdout) => stdout.readInt8(error?.killed ? 0 : 1));
  execFile('true', [], { oxipc, encoding: null }, (_error, _stdout, stderr) => stderr.readInt8());
  execFile('true', { oxipc }, (_error, stdout) => stdout.trim());
  const { stdout } = await promisify(execFile)('true', [], { oxipc, encoding: 'latin1' });
  const bytes = await promisify(exec)('true', { oxipc, encoding: 'buffer' });
  const asNode = await promisify(exec)('true', { encoding: 'buffer' });
  return [stdout.trim(), bytes.stderr.readInt8(), asNode.stdout.readInt8()];
}

export function synchronous() {
  const oxipc = { dieWithParent: true };
  spawnSync('true', { oxipc }).stdout.readInt8();
  spawnSync('true', [], { oxipc, encoding: 'utf8' }).stdout.trim();
  execSync('true', { oxipc, encoding: 'utf8' }).trim();
  execFileSync('true', ['x'], { oxipc }).readInt8();
  // @ts-expect-error of the others alone
  spawnSync('true', { oxipc: { all: true } });
}

export async function results(options: RunOptions) {
  const text = await run('true', ['x'], { cwd: '/', timeout: 1 });
  same<typeof text.stdout, string>(true);
  same<typeof text.stderr, string>(true);
  same<typeof text.all, undefined>(true);
  const alone = await run('true');
  same<typeof alone.stdout, string>(true);
  const named: RunResult = alone;

  const bytes = await run('true', { encoding: 'buffer' });
  same<typeof bytes.stdout, Buffer>(true);

  for (const inherited of [
    await run('true', [], { stdio: 'inherit' }),
    await run('true', { stdio: 'ignore' }),
  ]) {
    // @ts-expect-error it is undefined
    inherited.stdout.length;
    same<typeof inherited.stderr, undefined>(true);
  }
  const listed = await run('true', [], { stdio: ['ignore', 'pipe', 'inherit'] });
  same<typeof listed.stdout, string>(true);
  same<typeof listed.stderr, undefined>(true);
  const short = await run('true', [], { stdio: ['ignore', 1] });
  same<typeof short.stdout, undefined>(true);
  same<typeof short.stderr, string>(true);

  const merged = await run('true', [], { all: true, encoding: 'buffer' });
  same<typeof merged.stdout, undefined>(true);
  same<typeof merged.stderr, undefined>(true);
  same<typeof merged.all, Buffer>(true);
  const nowhere = await run('true', [], { all: true, stdio: 'inherit' });
  same<typeof nowhere.all, undefined>(true);

  // Whatever they are.
  const open = await run('true', [], options);
  same<typeof open.stdout, string | Buffer | undefined>(true);
  same<typeof open.all, string | Buffer | undefined>(true);

  const { error } = await run('true', [], { reject: false });
  same<typeof error, RunError<{ readonly reject: false }> | undefined>(true);
  error?.stderr.trim();

  // @ts-expect-error for spawn
  run('true', [], { oxipc: { dieWithParent: true } });
  return named;
}

export async function failures() {
  try {
    for await (const line of run('true', { dieWithParent: true, onMaxBuffer: 'head' })) line.trim();
  } catch (error) {
    if (error instanceof RunError) return `${error.code} ${error.stderr} ${error.resourceUsage?.maxRSS}`;
  }
}
