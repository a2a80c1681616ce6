// What this module does with children, beyond Node.

import type { ChildProcess } from 'node:child_process';

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

export interface KillTreeOptions {
  /** Milliseconds after which whoever is left gets SIGKILL. Default: the child's own `forceKillAfter`. */
  forceKillAfter?: number | undefined;
}

/**
 * Signals a child of this module and all its descendants, also those that changed their process group or session, and
 * resolves when they are gone and the child has emitted 'exit'. Descendants whose own parent has ended are found only with
 * `dieWithParent`.
 * @param signal Default `'SIGTERM'`.
 * @throws ERR_UNKNOWN_SIGNAL, ERR_INVALID_ARG_TYPE for a child of another module (rejected)
 */
export declare function killTree(
  child: ChildProcess,
  signal?: NodeJS.Signals | number,
  options?: KillTreeOptions,
): Promise<void>;

/**
 * What a child of this module has used; `undefined` before its end.
 * @throws ERR_INVALID_ARG_TYPE for a child of another module
 */
export declare function resourceUsage(child: ChildProcess): ResourceUsage | undefined;

/** Sets the default of the option `dieWithParent` for this thread. */
export declare function setDieWithParent(value: boolean | NodeJS.Signals | number): void;
