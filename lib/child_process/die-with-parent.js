'use strict';

const { deathSignalOf } = require('./death-signal');
const { getDieWithParent } = require('./defaults');
const { markFor } = require('./guardian');

/** The signal that the kernel sends a child at our death, and the mark in its environment; neither for most. */
function parentDeathOf({ dieWithParent = getDieWithParent() }) {
  const deathSignal = deathSignalOf(dieWithParent);
  return deathSignal === undefined ? {} : { deathSignal, mark: markFor(deathSignal) };
}

function addMark(options, mark) {
  if (mark !== undefined) options.envPairs = [...(options.envPairs ?? []), mark];
}

module.exports = { addMark, parentDeathOf };
