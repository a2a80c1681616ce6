'use strict';

// What our children can do beyond Node's, and where a child keeps it: nowhere in sight. Members would shadow what programs put
// on a child (execa's has `all`), so functions of the module reach it by symbols.

const { ERR_INVALID_ARG_TYPE } = require('../internal/errors');
const { addMark, parentDeathOf } = require('./die-with-parent');
const { cancelForceKill, setForceKill } = require('./force-kill');
const { endTree, resolveWaiting, setMark } = require('./kill-tree');
const { ownOptionsOf } = require('./own-options');
const { noteUsage, usageOf } = require('./resource-usage');

// Registered: a child may come from another copy of this package, whose maps know it.
const kKillTree = Symbol.for('oxipc.child_process.killTree');
const kResourceUsage = Symbol.for('oxipc.child_process.resourceUsage');

/** Applies the option `oxipc`; returns the signal that the kernel is to send the child when we die, if any. */
function applyExtras(child, options) {
  const own = ownOptionsOf(options);
  const { deathSignal, mark } = parentDeathOf(own);
  if (own.all) options.stdio[2] = { type: 'same' };
  addMark(options, mark);
  setMark(child, mark);
  setForceKill(child, own.forceKillAfter);
  return deathSignal;
}

// Right before 'exit'.
function noteEnd(child, handle) {
  cancelForceKill(child);
  noteUsage(child, handle);
  resolveWaiting(child);
}

function defineExtras({ prototype }) {
  defineHidden(prototype, kKillTree, function killTree(signal, options) {
    return endTree(this, signal, options);
  });
  defineHidden(prototype, kResourceUsage, function resourceUsage() {
    return usageOf(this);
  });
}

function defineHidden(target, key, value) {
  Object.defineProperty(target, key, { value, writable: true, configurable: true });
}

async function killTree(child, signal, options) {
  return call(child, kKillTree, signal, options);
}

function resourceUsage(child) {
  return call(child, kResourceUsage);
}

function call(child, key, ...args) {
  if (typeof child?.[key] !== 'function') throw new ERR_INVALID_ARG_TYPE('child', 'ChildProcess', child);
  return child[key](...args);
}

module.exports = { applyExtras, defineExtras, killTree, noteEnd, resourceUsage };
