'use strict';

// The option `oxipc` of spawn and its kin: whatever our functions take beyond Node's. Programs pass objects of their own to
// Node with names that Node ignores, so any other place would switch on what nobody asked for.

const { validateBoolean, validateInteger, validateObject, validateOneOf } = require('../internal/validators');
const { validateDeathSignal } = require('./death-signal');

const NONE = Object.freeze({});

/** What a caller of Node's functions has put under `oxipc`, checked. */
function ownOptionsOf({ oxipc }) {
  if (oxipc == null) return NONE;
  validateObject(oxipc, 'options.oxipc');
  validateOwnOptions(oxipc, 'options.oxipc');
  return oxipc;
}

/** `path`: where they are, for the error. */
function validateOwnOptions({ all, dieWithParent, forceKillAfter, onMaxBuffer }, path) {
  if (all != null) validateBoolean(all, `${path}.all`);
  if (forceKillAfter != null) validateInteger(forceKillAfter, `${path}.forceKillAfter`, 0);
  validateDeathSignal(dieWithParent, `${path}.dieWithParent`);
  validateOneOf(onMaxBuffer, `${path}.onMaxBuffer`, [undefined, 'kill', 'head', 'tail']);
}

module.exports = { ownOptionsOf, validateOwnOptions };
