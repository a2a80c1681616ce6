// Node's functions: each is Node's own declaration, and one for each form with `oxipc` among the options.

import type * as node from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

import type {
  EndingOptions,
  ExecExtras,
  ExecFileOptions,
  ExecOptions,
  ForkOptions,
  SpawnExtras,
  Stdio,
} from './options';
import type { Encoded, EntryOf, HasAll, IsPipe } from './outputs';

type WithExtras<Options, Extras> = Omit<Options, 'oxipc' | 'stdio'> & {
  oxipc: Extras;
  stdio?: Stdio | undefined;
};

type SpawnArgument = WithExtras<node.SpawnOptions, SpawnExtras>;
type SpawnSyncArgument = WithExtras<node.SpawnSyncOptions, EndingOptions>;
type ExecSyncArgument = WithExtras<node.ExecSyncOptions, EndingOptions>;
type ExecFileSyncArgument = WithExtras<node.ExecFileSyncOptions, EndingOptions>;

type StreamOf<Options, Index extends '0' | '1' | '2', Kind> =
  IsPipe<EntryOf<Options, Index>> extends infer Is ? (Is extends true ? Kind : null) : never;
type StderrOf<Options extends { oxipc: unknown }> =
  HasAll<Options['oxipc']> extends infer Has
    ? Has extends true
      ? null
      : StreamOf<Options, '2', Readable>
    : never;

/** The child that `spawn` gives for these options. */
type ChildOf<Options extends { oxipc: unknown }> = node.ChildProcessByStdio<
  StreamOf<Options, '0', Writable>,
  StreamOf<Options, '1', Readable>,
  StderrOf<Options>
>;

/** `exec` and `execFile` give text unless told otherwise. */
type TextOf<Options> = Options extends { encoding: infer E }
  ? E extends 'buffer' | null
    ? Buffer
    : E extends BufferEncoding | undefined
      ? string
      : string | Buffer
  : string;
/** The synchronous functions give Buffers unless told otherwise. */
type BytesOf<Options> = Options extends { encoding: infer E }
  ? E extends 'buffer' | null | undefined
    ? Buffer
    : Encoded<E>
  : Buffer;

type OnEnd<Options> =
  | ((error: node.ExecException | null, stdout: TextOf<Options>, stderr: TextOf<Options>) => void)
  | null;
type Outputs<Options> = node.PromiseWithChild<{ stdout: TextOf<Options>; stderr: TextOf<Options> }>;

type ExecArgument = ExecOptions & { oxipc: ExecExtras };
type ExecFileArgument = ExecFileOptions & { oxipc: ExecExtras };

interface Spawn {
  <const Options extends SpawnArgument>(command: string, options: Options): ChildOf<Options>;
  <const Options extends SpawnArgument>(
    command: string,
    args: readonly string[],
    options: Options,
  ): ChildOf<Options>;
}

interface Fork {
  (modulePath: string | URL, options: ForkOptions): node.ChildProcess;
  (modulePath: string | URL, args: readonly string[], options: ForkOptions): node.ChildProcess;
}

interface Exec {
  <const Options extends ExecArgument>(
    command: string,
    options: Options,
    callback?: OnEnd<Options>,
  ): node.ChildProcess;
  __promisify__<const Options extends ExecArgument>(command: string, options: Options): Outputs<Options>;
}

interface ExecFile {
  <const Options extends ExecFileArgument>(
    file: string,
    options: Options,
    callback?: OnEnd<Options>,
  ): node.ChildProcess;
  <const Options extends ExecFileArgument>(
    file: string,
    args: readonly string[] | undefined | null,
    options: Options,
    callback?: OnEnd<Options>,
  ): node.ChildProcess;
  __promisify__: {
    <const Options extends ExecFileArgument>(file: string, options: Options): Outputs<Options>;
    <const Options extends ExecFileArgument>(
      file: string,
      args: readonly string[] | undefined | null,
      options: Options,
    ): Outputs<Options>;
  };
}

interface SpawnSync {
  <const Options extends SpawnSyncArgument>(
    command: string,
    options: Options,
  ): node.SpawnSyncReturns<BytesOf<Options>>;
  <const Options extends SpawnSyncArgument>(
    command: string,
    args: readonly string[],
    options: Options,
  ): node.SpawnSyncReturns<BytesOf<Options>>;
}

type ExecSync = <const Options extends ExecSyncArgument>(
  command: string,
  options: Options,
) => BytesOf<Options>;

interface ExecFileSync {
  <const Options extends ExecFileSyncArgument>(file: string, options: Options): BytesOf<Options>;
  <const Options extends ExecFileSyncArgument>(
    file: string,
    args: readonly string[],
    options: Options,
  ): BytesOf<Options>;
}

// Ours first: an option object with `oxipc` would fit Node's declarations too once it is in a variable.
export declare const spawn: Spawn & typeof node.spawn;
export declare const fork: Fork & typeof node.fork;
export declare const exec: Exec & typeof node.exec;
export declare const execFile: ExecFile & typeof node.execFile;
export declare const spawnSync: SpawnSync & typeof node.spawnSync;
export declare const execSync: ExecSync & typeof node.execSync;
export declare const execFileSync: ExecFileSync & typeof node.execFileSync;
