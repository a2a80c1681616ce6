'use strict';

// A launch that goes on on another thread takes the process's umask and identity at the moment it happens. Whoever
// changes one of them right after `spawn` has it wait, so that the child is what it was to be.

const { isMainThread } = require('node:worker_threads');

const native = require('../native');

const SETTERS = ['umask', 'setuid', 'setgid', 'seteuid', 'setegid', 'setgroups', 'initgroups'];

let isGuarded = false;

/** From now on these functions of `process` wait for launches under way; in workers they cannot change anything. */
function guardProcessState() {
  if (isGuarded) return;
  isGuarded = true;
  if (isMainThread) SETTERS.forEach(guard);
}

function guard(name) {
  const original = process[name];
  if (typeof original !== 'function') return;
  // As a method, so that it is no constructor either.
  const { [name]: guarded } = {
    [name](...values) {
      // `umask()` only asks.
      if (values.length > 0) native.awaitLaunches();
      return original.apply(this, values);
    },
  };
  Object.defineProperty(guarded, 'length', { value: original.length, configurable: true });
  process[name] = guarded;
}

module.exports = { guardProcessState };
