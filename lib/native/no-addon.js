'use strict';

// Life without the addon: the drop-in modules hand out the originals, with one warning; what the originals lack throws.

const { absence, addon } = require('./load');

const kWarned = Symbol.for('oxipc.noAddonWarned');

const isNative = addon !== null;

class NoAddonError extends Error {
  code = 'ERR_OXIPC_NO_ADDON';

  constructor(message) {
    super(message, absence.cause && { cause: absence.cause });
  }
}
Object.defineProperty(NoAddonError.prototype, 'name', { value: 'Error', writable: true, configurable: true });

const noAddon = (name) => new NoAddonError(`${name} needs the addon of oxipc: ${absence.sentence}`);

function requireAddon(name) {
  if (!isNative) throw noAddon(name);
  return addon;
}

/**
 * Before a module hands out the original. OXIPC_FALLBACK=never makes an error of it; else a warning says so, once in each
 * thread, unless OXIPC_FALLBACK=silent.
 */
function allowFallback() {
  const { OXIPC_FALLBACK: wanted } = process.env;
  if (wanted === 'never' || absence.kind === 'clone') throw new NoAddonError(absence.sentence);
  if (wanted === 'silent' || process[kWarned]) return;
  Object.defineProperty(process, kWarned, { value: true });
  const broken = absence.kind === 'broken' ? 'The installation of oxipc is broken: ' : '';
  process.emitWarning(
    `${broken}${absence.sentence}. Instead of oxipc's own, its modules hand out those of the runtime and of the project; ` +
      'what these lack throws ERR_OXIPC_NO_ADDON.',
    { type: 'OxipcWarning', code: 'OXIPC_NO_ADDON' },
  );
}

/** Stands in for a function or class that only the addon has. */
function standIn(name, place) {
  // Not an arrow function: `value instanceof` it is false, and `new` throws the same.
  function missing() {
    throw noAddon(`${name} of ${place}`);
  }
  return Object.defineProperty(missing, 'name', { value: name });
}

module.exports = { allowFallback, isNative, noAddon, requireAddon, standIn };
