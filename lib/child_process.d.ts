// Types of Node's own module, whichever release is installed; functions and options that take more are declared anew.

export * from 'node:child_process';
export {
  exec,
  execFile,
  execFileSync,
  execSync,
  fork,
  spawn,
  spawnSync,
} from './child_process/functions';
export type {
  EndingOptions,
  ExecExtras,
  ExecFileOptions,
  ExecFileOptionsWithBufferEncoding,
  ExecFileOptionsWithOtherEncoding,
  ExecFileOptionsWithStringEncoding,
  ExecFileSyncOptions,
  ExecFileSyncOptionsWithBufferEncoding,
  ExecFileSyncOptionsWithStringEncoding,
  ExecOptions,
  ExecOptionsWithBufferEncoding,
  ExecOptionsWithStringEncoding,
  ExecSyncOptions,
  ExecSyncOptionsWithBufferEncoding,
  ExecSyncOptionsWithStringEncoding,
  ForkOptions,
  SpawnExtras,
  SpawnOptions,
  SpawnOptionsWithoutStdio,
  SpawnOptionsWithStdioTuple,
  SpawnSyncOptions,
  SpawnSyncOptionsWithBufferEncoding,
  SpawnSyncOptionsWithStringEncoding,
} from './child_process/options';
export {
  type KillTreeOptions,
  killTree,
  type ResourceUsage,
  resourceUsage,
  setDieWithParent,
} from './child_process/processes';
export { RunError, type RunOptions, type RunPromise, type RunResult, run } from './child_process/run';

/** Called by Node's own start-up code in a forked child. */
export function _forkChild(fd: number, serializationMode: 'json' | 'advanced'): void;
