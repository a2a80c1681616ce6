'use strict';

// The end of a child and of all its descendants.

const { clearTimeout, setTimeout } = require('node:timers');

const { convertToValidSignal } = require('../internal/signals');
const { validateInteger } = require('../internal/validators');
const { forceKillAfterOf } = require('./force-kill');

const { SIGTERM } = require('node:os').constants.signals;

// child -> the mark in its environment, by which native finds its orphans.
const marks = new WeakMap();
// child -> number of a tree under way -> who waits, and the native handle that reports it: held until its end.
const trees = new Map();
// child -> those who wait for its 'exit'.
const waiting = new WeakMap();

function setMark(child, mark) {
  if (mark !== undefined) marks.set(child, mark);
}

async function endTree(child, signal = SIGTERM, { forceKillAfter = forceKillAfterOf(child) } = {}) {
  const number = convertToValidSignal(signal);
  if (forceKillAfter != null) validateInteger(forceKillAfter, 'options.forceKillAfter', 0);

  const handle = child._handle;
  const tree = handle ? handle.killTree(number, marks.get(child)) : 0;
  if (tree === 0) return;

  child.killed = true;
  if (!trees.has(child)) trees.set(child, new Map());
  const gone = new Promise((resolve) => trees.get(child).set(tree, { resolve, handle }));
  const timer = forceKillAfter != null && setTimeout(() => handle.forceTree(tree), forceKillAfter);
  await gone;
  clearTimeout(timer);
  // The end of the child itself may be reported after that of the tree. Alive, it was no part of that.
  if (child._handle?.kill(0) !== 0) return;
  child._handle.ref();
  await new Promise((resolve) => waiting.set(child, [...(waiting.get(child) ?? []), resolve]));
}

function treeGone(child, number) {
  const own = trees.get(child);
  own?.get(number)?.resolve();
  own?.delete(number);
  if (own?.size === 0) trees.delete(child);
}

/** Right before 'exit': what waits goes on when the event's listeners are through, as a microtask. */
function resolveWaiting(child) {
  for (const resolve of waiting.get(child) ?? []) resolve();
  waiting.delete(child);
}

module.exports = { endTree, resolveWaiting, setMark, treeGone };
