'use strict';

// Node's permission model: a child is restricted as its parent is.

const FLAGS = [
  '--allow-fs-read',
  '--allow-fs-write',
  '--allow-addons',
  '--allow-child-process',
  '--allow-net',
  '--allow-inspector',
  '--allow-wasi',
  '--allow-worker',
  '--allow-openssl-store',
  '--allow-ffi',
  '--permission',
];

function copyPermissionFlags(env, args) {
  if (process.permission === undefined) return;
  if (args.includes('--permission') || args.includes('--permission-audit') || isRestricted(env.NODE_OPTIONS))
    return;

  for (const arg of process.execArgv) {
    for (const flag of FLAGS) {
      if (arg.startsWith(flag)) env.NODE_OPTIONS = env.NODE_OPTIONS ? `${env.NODE_OPTIONS} ${arg}` : arg;
    }
  }
}

function isRestricted(nodeOptions) {
  return (
    Boolean(nodeOptions) &&
    nodeOptions.split(/\s+/).some((token) => /^--permission(-audit)?(=|$)/.test(token))
  );
}

module.exports = { copyPermissionFlags };
