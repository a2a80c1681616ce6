'use strict';

const { signals } = require('node:os').constants;

const names = new Map();
for (const [name, number] of Object.entries(signals)) {
  // The first of several names for a number is the one that Node reports (SIGABRT, not SIGIOT).
  if (!names.has(number)) names.set(number, name);
}

/** The name of a signal number; `null` for 0 and what has no name. */
const signalName = (number) => names.get(number) ?? null;

module.exports = { signalName };
