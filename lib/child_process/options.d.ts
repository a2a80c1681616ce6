// What our functions take beyond Node's: under `oxipc`, a name that nobody else uses. Programs hand objects of their own to
// Node, with names that it ignores.

import type * as node from 'node:child_process';
import type { Stream } from 'node:stream';

/** Of every function that starts a process; the synchronous ones take these alone. */
export interface EndingOptions {
  /**
   * The child, and whatever it has started, gets SIGKILL (or the signal named here) when this process dies in any way,
   * SIGKILL included. Adds the variable `OXIPC_TREE` to the child's environment. Descendants other than the child itself
   * are ended by a waiting `/bin/sh`, which needs `grep`.
   * Default: what `setDieWithParent` or the environment variable `OXIPC_DIE_WITH_PARENT` says, else `false`.
   */
  dieWithParent?: boolean | NodeJS.Signals | number | undefined;
  /**
   * Milliseconds after which a signal that did not end the child is followed by SIGKILL: one of `kill`, `timeout` or
   * `signal`, but for those that are a message to it (as SIGUSR1, SIGCONT, SIGSTOP are); in the synchronous functions the
   * one that `timeout` or `maxBuffer` causes. Default: never.
   */
  forceKillAfter?: number | undefined;
}

/** Of `spawn` and `fork`. */
export interface SpawnExtras extends EndingOptions {
  /** stderr goes where stdout goes, in the order of the writes; `child.stderr` is `null`. Default `false`. */
  all?: boolean | undefined;
}

/** Of `exec` and `execFile`. */
export interface ExecExtras extends EndingOptions {
  /**
   * What happens above `maxBuffer`: `'kill'` ends the child (Node's way), `'head'` keeps the beginning and `'tail'` the
   * end of the output and lets the child finish. Default `'kill'`.
   */
  onMaxBuffer?: 'kill' | 'head' | 'tail' | undefined;
}

/** What an entry of `stdio` may be. */
export type StdioEntry = node.IOType | 'ipc' | Stream | number | null | undefined;

/** `stdio`, constant lists too. */
export type Stdio = node.IOType | readonly StdioEntry[];

// Names of Node's, with ours: what a program writes as `options: SpawnOptions`.

export interface SpawnOptions extends node.SpawnOptions {
  oxipc?: SpawnExtras | undefined;
}
export interface SpawnOptionsWithoutStdio extends node.SpawnOptionsWithoutStdio {
  /** Without `all`, which would take `stderr` away. */
  oxipc?: EndingOptions | undefined;
}
export interface SpawnOptionsWithStdioTuple<
  Stdin extends node.StdioNull | node.StdioPipe,
  Stdout extends node.StdioNull | node.StdioPipe,
  Stderr extends node.StdioNull | node.StdioPipe,
> extends node.SpawnOptionsWithStdioTuple<Stdin, Stdout, Stderr> {
  /** Without `all`, which would take `stderr` away. */
  oxipc?: EndingOptions | undefined;
}
export interface ForkOptions extends node.ForkOptions {
  oxipc?: SpawnExtras | undefined;
}
export interface ExecOptions extends node.ExecOptions {
  oxipc?: ExecExtras | undefined;
}
export interface ExecOptionsWithStringEncoding extends node.ExecOptionsWithStringEncoding {
  oxipc?: ExecExtras | undefined;
}
export interface ExecOptionsWithBufferEncoding extends node.ExecOptionsWithBufferEncoding {
  oxipc?: ExecExtras | undefined;
}
export interface ExecFileOptions extends node.ExecFileOptions {
  oxipc?: ExecExtras | undefined;
}
export interface ExecFileOptionsWithStringEncoding extends node.ExecFileOptionsWithStringEncoding {
  oxipc?: ExecExtras | undefined;
}
export interface ExecFileOptionsWithBufferEncoding extends node.ExecFileOptionsWithBufferEncoding {
  oxipc?: ExecExtras | undefined;
}
export interface ExecFileOptionsWithOtherEncoding extends node.ExecFileOptionsWithOtherEncoding {
  oxipc?: ExecExtras | undefined;
}
export interface SpawnSyncOptions extends node.SpawnSyncOptions {
  oxipc?: EndingOptions | undefined;
}
export interface SpawnSyncOptionsWithStringEncoding extends node.SpawnSyncOptionsWithStringEncoding {
  oxipc?: EndingOptions | undefined;
}
export interface SpawnSyncOptionsWithBufferEncoding extends node.SpawnSyncOptionsWithBufferEncoding {
  oxipc?: EndingOptions | undefined;
}
export interface ExecSyncOptions extends node.ExecSyncOptions {
  oxipc?: EndingOptions | undefined;
}
export interface ExecSyncOptionsWithStringEncoding extends node.ExecSyncOptionsWithStringEncoding {
  oxipc?: EndingOptions | undefined;
}
export interface ExecSyncOptionsWithBufferEncoding extends node.ExecSyncOptionsWithBufferEncoding {
  oxipc?: EndingOptions | undefined;
}
export interface ExecFileSyncOptions extends node.ExecFileSyncOptions {
  oxipc?: EndingOptions | undefined;
}
export interface ExecFileSyncOptionsWithStringEncoding extends node.ExecFileSyncOptionsWithStringEncoding {
  oxipc?: EndingOptions | undefined;
}
export interface ExecFileSyncOptionsWithBufferEncoding extends node.ExecFileSyncOptionsWithBufferEncoding {
  oxipc?: EndingOptions | undefined;
}
