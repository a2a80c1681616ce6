'use strict';

// Node's permission model, for the engine's connections: errors of node:net's attempts.

const { ACCESS_DENIED, isNetDenied } = require('../internal/permission');
const { exceptionWithHostPort, NodeAggregateError } = require('../internal/system-errors');

/** The error of a connection that Node would refuse, null for one that may be tried. */
function denialOf({ path, addresses, port }) {
  const targets = path === undefined ? addresses : [path];
  const denied = targets.filter((target) => isNetDenied(target));
  if (denied.length === 0) return null;
  const errors = denied.map((target) =>
    exceptionWithHostPort(ACCESS_DENIED, 'connect', target, path === undefined ? port : undefined),
  );
  return errors.length === 1 ? errors[0] : new NodeAggregateError(errors);
}

module.exports = { denialOf };
