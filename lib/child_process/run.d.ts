// run(): types of its options and results.

import type * as node from 'node:child_process';
import type { Readable } from 'node:stream';

import type { ExecExtras, SpawnExtras, Stdio } from './options';
import type { Encoded, EntryOf, HasAll, IsPipe } from './outputs';
import type { ResourceUsage } from './processes';

/** Those of `spawn`, those that stand under `oxipc` there, and its own. */
export interface RunOptions extends Omit<node.SpawnOptions, 'stdio'>, SpawnExtras, ExecExtras {
  stdio?: Stdio | undefined;
  /**
   * Written to stdin, which is then ended. Without it stdin is empty. One that fails ends the child, and is the `cause` of
   * the RunError; a child that does not read all of it is no failure.
   */
  input?:
    | string
    | NodeJS.ArrayBufferView
    | Readable
    | AsyncIterable<string | Uint8Array>
    | Iterable<string | Uint8Array>
    | null
    | undefined;
  /** Of the outputs; `'buffer'` gives Buffers. Default `'utf8'`. */
  encoding?: BufferEncoding | 'buffer' | undefined;
  /**
   * Bytes kept of each output. Default 100,000,000. A loop over the lines keeps nothing: there this and `onMaxBuffer` hold
   * only if one of them is given, but for a single line, whose end must come within this limit.
   */
  maxBuffer?: number | undefined;
  /** Whether a failure rejects; else the result has it in `error`. Default `true`. */
  reject?: boolean | undefined;
  /** Whether the last newline of each output is left out. Default `true`. */
  stripFinalNewline?: boolean | undefined;
  /** Its options stand beside the others here. */
  oxipc?: undefined;
}

type NoOptions = Record<never, never>;
type OutputOf<Options> = Options extends { encoding?: infer E } ? Encoded<E> : string;
/** `Value` where `Condition` is true, `undefined` where it is false, both when the options leave it open. */
type When<Condition, Value> = Condition extends true ? Value : undefined;
type Not<Condition> = Condition extends true ? false : true;

type StdoutOf<Options> = When<IsPipe<EntryOf<Options, '1'>>, OutputOf<Options>>;
type StderrOf<Options> = When<IsPipe<EntryOf<Options, '2'>>, OutputOf<Options>>;

/** What a run leaves, whether it failed or not. */
interface Facts<Options> {
  /** File and arguments, for people. */
  command: string;
  /** `null` when it was killed or never started. */
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** `undefined` when it is no pipe, and with `all`; empty when a loop has taken its lines. */
  stdout: When<Not<HasAll<Options>>, StdoutOf<Options>>;
  /** As `stdout`. */
  stderr: When<Not<HasAll<Options>>, StderrOf<Options>>;
  /** With `all`: both. */
  all: When<HasAll<Options>, StdoutOf<Options>>;
  timedOut: boolean;
  aborted: boolean;
  isMaxBuffer: boolean;
  killed: boolean;
  /** `undefined` when it never started. */
  pid: number | undefined;
  /** From the call to the end, in milliseconds. */
  durationMs: number;
  /** `undefined` when it never started. */
  resourceUsage: ResourceUsage | undefined;
}

/** `Options`: those of the run, since they decide what its outputs are. */
export interface RunResult<Options extends RunOptions = NoOptions> extends Facts<Options> {
  /** With `reject: false`: the failure, if it is one. */
  error?: RunError<Options>;
}

/** Everything known of a child that failed: exit code not 0, a signal, a time-out, an abort, or it never started (`cause`). */
export declare class RunError<Options extends RunOptions = RunOptions>
  extends Error
  implements Facts<Options>
{
  name: 'RunError';
  /** Of a failed system call, such as ENOENT; ABORT_ERR after an abort. */
  code?: string;
  command: string;
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: Facts<Options>['stdout'];
  stderr: Facts<Options>['stderr'];
  all: Facts<Options>['all'];
  timedOut: boolean;
  aborted: boolean;
  isMaxBuffer: boolean;
  killed: boolean;
  pid: number | undefined;
  durationMs: number;
  resourceUsage: ResourceUsage | undefined;
}

/**
 * A running child as a promise. Iterating gives the lines of stdout (of `all`, with that), whole and from the first on,
 * whenever it begins, then throws the failure, if any. A loop that begins while the child runs takes the lines: the result
 * has none of them, another loop is refused (ERR_INVALID_STATE), a slow loop slows the child, and only the end of stderr is
 * kept, up to `maxBuffer`. Leaving the loop early ends the child. A failure that is neither awaited nor met by a loop is an
 * 'unhandledRejection', as of any promise.
 */
export interface RunPromise<Options extends RunOptions = NoOptions>
  extends Promise<RunResult<Options>>,
    AsyncIterable<string> {
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
export declare function run<const Options extends RunOptions = NoOptions>(
  file: string,
  args?: readonly string[] | null,
  options?: Options,
): RunPromise<Options>;
export declare function run<const Options extends RunOptions>(
  file: string,
  options: Options,
): RunPromise<Options>;
