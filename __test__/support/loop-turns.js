'use strict';

/**
 * Resolves after `count` whole turns of the event loop. What had arrived before has then been read by whoever reads:
 * each turn polls once.
 */
async function loopTurns(count) {
  for (let turn = 0; turn <= count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

module.exports = { loopTurns };
