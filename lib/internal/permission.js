'use strict';

// Node's permission model. An addon is beyond its reach, so each call that the model restricts asks here first.

const { nodeMajor } = require('./node-version');

// --permission-audit: denied calls are reported and go ahead.
const AUDIT_FLAG = /(^|\s)--permission-audit(=|\s|$)/;

// Older releases have no permission of that name and grant nothing when asked for one.
const KNOWS_NET = nodeMajor >= 25;

// The status of a connection that Node would refuse: no errno, which the error then is itself (system-errors.js).
const ACCESS_DENIED = -(2 ** 30);

const FLAGS = { Net: '--allow-net', ChildProcess: '--allow-child-process' };

/**
 * True when Node would refuse. Asking with the resource publishes on `node:permission-model:*`, as Node's own call does; with an
 * empty text it publishes nothing.
 */
function isDenied(scope, resource) {
  return (
    process.permission !== undefined && !process.permission.has(scope, resource || undefined) && !isAudited()
  );
}

const isNetDenied = (resource) => KNOWS_NET && isDenied('net', resource);

function isAudited() {
  return (
    process.execArgv.some((argument) => AUDIT_FLAG.test(argument)) ||
    AUDIT_FLAG.test(process.env.NODE_OPTIONS)
  );
}

function accessDenied(permission, resource) {
  const isNamed = nodeMajor >= 22;
  const advice = isNamed ? `. Use ${FLAGS[permission]} to manage permissions.` : '';
  const error = new Error(`Access to this API has been restricted${advice}`);
  return Object.assign(error, { code: 'ERR_ACCESS_DENIED', permission, resource: isNamed ? resource : '' });
}

function requireChildPermission(file) {
  if (isDenied('child', file)) throw accessDenied('ChildProcess', file);
}

/** `resource`: a path, an address, or nothing. */
function requireNetPermission(resource = '') {
  if (isNetDenied(resource)) throw accessDenied('Net', resource);
}

module.exports = { ACCESS_DENIED, accessDenied, isNetDenied, requireChildPermission, requireNetPermission };
