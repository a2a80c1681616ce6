'use strict';

// What our children can do beyond Node's: die with us, end with all their descendants, be ended by force, tell what they
// used.

const { clearTimeout, setTimeout } = require('node:timers');

const { convertToValidSignal } = require('../internal/signals');
const { validateBoolean, validateInteger } = require('../internal/validators');
const { deathSignalOf, validateDeathSignal } = require('./death-signal');
const { getDieWithParent } = require('./defaults');
const { markFor } = require('./guardian');

const { signals } = require('node:os').constants;

const { SIGKILL, SIGTERM } = signals;
// What stops a process, lets it go on or tells it something; and what leaves nothing to follow.
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

const USAGE_FIELDS = [
  'userCPUTime',
  'systemCPUTime',
  'maxRSS',
  'minorPageFault',
  'majorPageFault',
  'fsRead',
  'fsWrite',
  'voluntaryContextSwitches',
  'involuntaryContextSwitches',
];

// child -> { forceKillAfter, timer, mark, usage, waiting }; `waiting`: who is to be told that it has emitted 'exit'.
// Most running children have none.
const extras = new WeakMap();
// Children with a killTree under way, who waits for it, and the native handle that tells: held until its end.
const trees = new Map();

function applyExtras(child, options) {
  const { forceKillAfter, all } = options;
  if (all != null) validateBoolean(all, 'options.all');
  const mark = applyEnding(options);
  if (all) options.stdio[2] = { type: 'same' };
  if (forceKillAfter != null || mark !== undefined) Object.assign(extrasOf(child), { forceKillAfter, mark });
}

function extrasOf(child) {
  if (!extras.has(child)) extras.set(child, { waiting: [] });
  return extras.get(child);
}

/** How a child ends, synchronous ones too: checks the options, adds `deathSignal` and the mark, which it returns. */
function applyEnding(options) {
  const { forceKillAfter, dieWithParent = getDieWithParent() } = options;
  if (forceKillAfter != null) validateInteger(forceKillAfter, 'options.forceKillAfter', 0);
  validateDeathSignal(dieWithParent, 'options.dieWithParent');

  const deathSignal = deathSignalOf(dieWithParent);
  if (deathSignal === undefined) return undefined;
  const mark = markFor(deathSignal);
  options.deathSignal = deathSignal;
  options.envPairs = [...(options.envPairs ?? []), mark];
  return mark;
}

// After a signal that is to end the child and that it may ignore.
function forceKillLater(child, signal) {
  const own = extras.get(child);
  if (own?.forceKillAfter == null || own.timer || FOLLOWED_BY_NOTHING.has(signal)) return;
  own.timer = setTimeout(() => child._handle?.kill(SIGKILL), own.forceKillAfter);
}

// Right before 'exit': whoever waits for it runs when the event's listeners are through, as a microtask.
function noteEnd(child, handle) {
  const own = extrasOf(child);
  clearTimeout(own.timer);
  own.usage = handle?.usage() ?? undefined;
  for (const resolve of own.waiting.splice(0)) resolve();
}

function treeGone(child, number) {
  const waiting = trees.get(child);
  waiting?.get(number)?.resolve();
  waiting?.delete(number);
  if (waiting?.size === 0) trees.delete(child);
}

const methods = {
  resourceUsage() {
    const usage = extras.get(this)?.usage;
    return usage && Object.fromEntries(USAGE_FIELDS.map((name, index) => [name, usage[index]]));
  },

  async killTree(signal = SIGTERM, { forceKillAfter = extras.get(this)?.forceKillAfter } = {}) {
    const number = convertToValidSignal(signal);
    if (forceKillAfter != null) validateInteger(forceKillAfter, 'options.forceKillAfter', 0);

    const handle = this._handle;
    const tree = handle ? handle.killTree(number, extras.get(this)?.mark) : 0;
    if (tree === 0) return;

    this.killed = true;
    if (!trees.has(this)) trees.set(this, new Map());
    const gone = new Promise((resolve) => trees.get(this).set(tree, { resolve, handle }));
    const timer = forceKillAfter != null && setTimeout(() => handle.forceTree(tree), forceKillAfter);
    await gone;
    clearTimeout(timer);
    // The end of the child itself may be heard after that of the tree. Not ours to signal: it was no part of that.
    if (this._handle?.kill(0) !== 0) return;
    this._handle.ref();
    await new Promise((resolve) => extrasOf(this).waiting.push(resolve));
  },
};

module.exports = { applyEnding, applyExtras, forceKillLater, methods, noteEnd, treeGone };
