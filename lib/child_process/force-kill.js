'use strict';

// `forceKillAfter`: SIGKILL after a signal that did not end the child.

const { clearTimeout, setTimeout } = require('node:timers');

const { signals } = require('node:os').constants;

const { SIGKILL } = signals;
// Stop a process, let it go on, or are a message to it; and those after which there is nothing to do.
const FOLLOWED_BY_NOTHING = new Set([
  0,
  SIGKILL,
  signals.SIGSTOP,
  signals.SIGTSTP,
  signals.SIGTTIN,
  signals.SIGTTOU,
  signals.SIGCONT,
  signals.SIGCHLD,
  signals.SIGURG,
  signals.SIGWINCH,
  signals.SIGUSR1,
  signals.SIGUSR2,
]);

// child -> { after, timer }; most children have none.
const forced = new WeakMap();

function setForceKill(child, after) {
  if (after != null) forced.set(child, { after, timer: undefined });
}

const forceKillAfterOf = (child) => forced.get(child)?.after;

/** After a signal that is to end the child and that it may ignore. */
function forceKillLater(child, signal) {
  const own = forced.get(child);
  if (!own || own.timer || FOLLOWED_BY_NOTHING.has(signal)) return;
  own.timer = setTimeout(() => child._handle?.kill(SIGKILL), own.after);
}

function cancelForceKill(child) {
  clearTimeout(forced.get(child)?.timer);
}

module.exports = { cancelForceKill, forceKillAfterOf, forceKillLater, setForceKill };
