/** `amqplib`'s promise API; `oxipc/amqplib`. */
export * as amqplib from './lib/amqplib';
/** The embedded AMQP broker; `oxipc/broker`. */
export * as broker from './lib/broker';
export { createBroker } from './lib/broker';
/** Node's `child_process`; `oxipc/child_process`. */
export * as child_process from './lib/child_process';
export {
  ChildProcess,
  exec,
  execFile,
  execFileSync,
  execSync,
  fork,
  killTree,
  RunError,
  resourceUsage,
  run,
  setDieWithParent,
  spawn,
  spawnSync,
} from './lib/child_process';
/** Node's `net`; `oxipc/net`. */
export * as net from './lib/net';

/**
 * Whether oxipc's addon is loaded. Without it `child_process`, `net` and `amqplib` are those of the runtime and of the project;
 * what only the addon has throws `ERR_OXIPC_NO_ADDON` (docs/platforms.md).
 */
export const isNative: boolean;
