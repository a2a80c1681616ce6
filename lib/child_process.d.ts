import type * as node from 'node:child_process';
import type { Readable } from 'node:stream';

/** What our functions take beyond Node's options. */
export interface ChildOptions {
  /**
   * The child, and whatever it has started, gets SIGKILL (or the signal named here) when this process dies in any way,
   * SIGKILL included. Adds the variable `OXIPC_TREE` to the child's environment. Descendants other than the child itself
   * are ended by a waiting `/bin/sh`, which needs `grep`.
   * Default: what `setDieWithParent` or the environment variable `OXIPC_DIE_WITH_PARENT` says, else `false`.
   */
  dieWithParent?: boolean | NodeJS.Signals | number;
  /**
   * Milliseconds after which a signal that did not end the child is followed by SIGKILL: one of `kill`, `timeout` or
   * `signal`, but for signals that tell something (as SIGUSR1, SIGCONT, SIGSTOP do); in the synchronous functions the
   * one that `timeout` or `maxBuffer` causes. Default: never.
   */
  forceKillAfter?: number;
}

export interface AllOption {
  /** stdout and stderr are one pipe, `child.all`, in the order the kernel saw; `child.stderr` is `null`. Default `false`. */
  all?: boolean;
}

export interface OutputOptions {
  /**
   * What happens above `maxBuffer`: `'kill'` ends the child (Node's way), `'head'` keeps the beginning and `'tail'` the
   * end of the output and lets the child finish. Default `'kill'`.
   */
  onMaxBuffer?: 'kill' | 'head' | 'tail';
}

/** What an ended child has used; field names are those of `process.resourceUsage()`. */
export interface ResourceUsage {
  /** Microseconds. */
  userCPUTime: number;
  /** Microseconds. */
  systemCPUTime: number;
  /** Kilobytes. */
  maxRSS: number;
  minorPageFault: number;
  majorPageFault: number;
  fsRead: number;
  fsWrite: number;
  voluntaryContextSwitches: number;
  involuntaryContextSwitches: number;
}

declare module 'node:child_process' {
  interface ChildProcess {
    /** stdout and stderr together, with the option `all`. */
    readonly all?: Readable | null;
    /**
     * Signals the child and all its descendants, also those that changed their process group or session, and resolves
     * when they are gone and the child has emitted 'exit'. Descendants whose own parent has ended are found only with
     * `dieWithParent`.
     * @param signal Default `'SIGTERM'`.
     * @throws ERR_UNKNOWN_SIGNAL (rejected)
     */
    killTree(
      signal?: NodeJS.Signals | number,
      options?: {
        /** Milliseconds after which whoever is left gets SIGKILL. Default: the child's own `forceKillAfter`. */
        forceKillAfter?: number;
      },
    ): Promise<void>;
    /** What the child has used; `undefined` before its end. */
    resourceUsage(): ResourceUsage | undefined;
  }
  interface CommonOptions extends ChildOptions {}
  interface ForkOptions extends ChildOptions {}
  interface SpawnOptions extends AllOption {}
  interface ExecOptions extends OutputOptions {}
  interface ExecFileOptions extends OutputOptions {}
}

export * from 'node:child_process';

/** Sets the default of the option `dieWithParent` for this thread. */
export function setDieWithParent(value: boolean | NodeJS.Signals | number): void;

export interface RunOptions extends Omit<node.SpawnOptions, 'stdio'>, OutputOptions {
  stdio?: node.StdioOptions;
  /**
   * Written to stdin, which is then ended. Without it stdin is empty. One that fails ends the child, and is the `cause` of
   * the RunError; a child that does not read all of it is no failure.
   */
  input?:
    | string
    | NodeJS.ArrayBufferView
    | Readable
    | AsyncIterable<string | Uint8Array>
    | Iterable<string | Uint8Array>;
  /** Of the outputs; `'buffer'` gives Buffers. Default `'utf8'`. */
  encoding?: BufferEncoding | 'buffer';
  /**
   * Bytes kept of each output. Default 100,000,000. A loop over the lines keeps nothing: there this and `onMaxBuffer` hold
   * only if one of them is given, but for a single line, whose end must come within this limit.
   */
  maxBuffer?: number;
  /** Whether a failure rejects; else the result has it in `error`. Default `true`. */
  reject?: boolean;
  /** Whether the last newline of each output is left out. Default `true`. */
  stripFinalNewline?: boolean;
}

export interface RunResult<Output = string> {
  /** File and arguments, for people. */
  command: string;
  /** `null` when it was killed or never started. */
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** `undefined` when it is no pipe, with `all`, or when a loop has taken its lines. */
  stdout: Output;
  stderr: Output;
  all?: Output;
  timedOut: boolean;
  aborted: boolean;
  isMaxBuffer: boolean;
  killed: boolean;
  pid?: number;
  durationMs: number;
  resourceUsage?: ResourceUsage;
  /** With `reject: false`. */
  error?: RunError<Output>;
}

/** Everything known of a child that failed: exit code not 0, a signal, a time-out, an abort, or it never started (`cause`). */
export class RunError<Output = string> extends Error implements Omit<RunResult<Output>, 'error'> {
  name: 'RunError';
  /** Of a failed system call, such as ENOENT; ABORT_ERR after an abort. */
  code?: string;
  command: string;
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: Output;
  stderr: Output;
  all?: Output;
  timedOut: boolean;
  aborted: boolean;
  isMaxBuffer: boolean;
  killed: boolean;
  pid?: number;
  durationMs: number;
  resourceUsage?: ResourceUsage;
}

/**
 * A running child as a promise. Iterating gives the lines of stdout (of `all`, with that), whole and from the first on,
 * whenever it begins, then throws the failure, if any. A loop that begins while the child runs takes the lines: the result
 * has `undefined` for them, another loop is refused (ERR_INVALID_STATE), a slow loop slows the child, and only the end of
 * stderr is kept, up to `maxBuffer`. Leaving the loop early ends the child. A failure that is neither awaited nor met by a
 * loop is an 'unhandledRejection', as of any promise.
 */
export interface RunPromise<Output = string> extends Promise<RunResult<Output>>, AsyncIterable<string> {
  readonly child: node.ChildProcess;
  /** `await using`: ends the child and waits for its end. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Runs a program to its end: that of its outputs, which its descendants may hold open. After a time-out, an abort, an
 * excess of output, a failing input, `kill()` or an early end of the loop it is the end of the program itself.
 *
 *     const { stdout } = await run('git', ['status'], { cwd, timeout: 1000 });
 *     for await (const line of run('journalctl', ['-f'])) console.log(line);
 *
 * @throws RunError (rejected) unless `reject` is false
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE, ERR_UNKNOWN_ENCODING, ERR_UNKNOWN_SIGNAL for wrong
 *   arguments, before anything runs
 */
export function run(
  file: string,
  args: readonly string[],
  options: RunOptions & { encoding: 'buffer' },
): RunPromise<Buffer>;
export function run(file: string, args?: readonly string[], options?: RunOptions): RunPromise;
export function run(file: string, options: RunOptions & { encoding: 'buffer' }): RunPromise<Buffer>;
export function run(file: string, options?: RunOptions): RunPromise;

/** Called by Node's own start-up code in a forked child. */
export function _forkChild(fd: number, serializationMode: 'json' | 'advanced'): void;
