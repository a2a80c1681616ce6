'use strict';

// Arguments of spawn and its kin: checks, the shell, the environment.

const { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE } = require('../internal/errors');
const { getValidatedPath } = require('../internal/file-path');
const { convertToValidSignal } = require('../internal/signals');
const {
  validateArgumentNullCheck,
  validateArgumentsNullCheck,
  validateBoolean,
  validateInt32,
  validateInteger,
  validateNumber,
  validateObject,
  validateString,
} = require('../internal/validators');
const { copyPermissionFlags } = require('./permission');

// Checks and warnings that changed between the versions are those of the Node that runs us.
const nodeMajor = Number.parseInt(process.versions.node, 10);
const isNode26 = nodeMajor >= 26;

// Node 20 and 22 only document the deprecation.
let warnedOfShellArguments = nodeMajor < 24;

function normalizeSpawnArguments(file, args, options) {
  validateString(file, 'file');
  validateArgumentNullCheck(file, 'file');
  if (file.length === 0) throw new ERR_INVALID_ARG_VALUE('file', file, 'cannot be empty');

  if (Array.isArray(args)) {
    args = args.slice();
  } else if (args == null) {
    args = [];
  } else if (typeof args !== 'object') {
    throw new ERR_INVALID_ARG_TYPE('args', 'object', args);
  } else {
    options = args;
    args = [];
  }
  validateArgumentsNullCheck(args, 'args');

  if (options === undefined) options = {};
  else validateObject(options, 'options');
  options = { __proto__: null, ...options };

  const cwd = options.cwd == null ? options.cwd : getValidatedPath(options.cwd, 'options.cwd');
  validateOptions(options);

  if (options.shell) {
    validateArgumentNullCheck(options.shell, 'options.shell');
    if (args.length > 0) warnOfShellArguments();
    args = ['-c', [file, ...args].join(' ')];
    file = typeof options.shell === 'string' ? options.shell : '/bin/sh';
  }
  args.unshift(typeof options.argv0 === 'string' ? options.argv0 : file);

  return {
    __proto__: null,
    ...options,
    args,
    cwd,
    detached: Boolean(options.detached),
    envPairs: environmentPairs(options.env, args),
    file,
    windowsHide: Boolean(options.windowsHide),
    windowsVerbatimArguments: Boolean(options.windowsVerbatimArguments),
  };
}

function validateOptions(options) {
  if (options.detached != null) validateBoolean(options.detached, 'options.detached');
  validateId(options.uid, 'options.uid');
  validateId(options.gid, 'options.gid');
  if (options.shell != null && typeof options.shell !== 'boolean' && typeof options.shell !== 'string') {
    throw new ERR_INVALID_ARG_TYPE('options.shell', ['boolean', 'string'], options.shell);
  }
  validateArgv0(options.argv0);
  if (options.windowsHide != null) validateBoolean(options.windowsHide, 'options.windowsHide');
  if (options.windowsVerbatimArguments != null) {
    validateBoolean(options.windowsVerbatimArguments, 'options.windowsVerbatimArguments');
  }
}

function validateArgv0(argv0) {
  if (argv0 == null) return;
  validateString(argv0, 'options.argv0');
  validateArgumentNullCheck(argv0, 'options.argv0');
}

function warnOfShellArguments() {
  if (warnedOfShellArguments) return;
  warnedOfShellArguments = true;
  process.emitWarning(
    'Passing args to a child process with shell option true can lead to security ' +
      'vulnerabilities, as the arguments are not escaped, only concatenated.',
    'DeprecationWarning',
    'DEP0190',
  );
}

function environmentPairs(optionEnv, args) {
  const env = optionEnv || ownEnvironment();

  // Coverage is collected from children with a chosen environment too. Node writes it into the caller's object.
  const coverage = process.env.NODE_V8_COVERAGE;
  if (coverage && optionEnv && !Object.hasOwn(optionEnv, 'NODE_V8_COVERAGE')) env.NODE_V8_COVERAGE = coverage;
  copyPermissionFlags(env, args);

  const pairs = [];
  // Inherited properties count.
  for (const key in env) {
    const value = env[key];
    if (value === undefined) continue;
    validateArgumentNullCheck(key, `options.env['${key}']`);
    validateArgumentNullCheck(value, `options.env['${key}']`);
    pairs.push(`${key}=${value}`);
  }
  return pairs;
}

// To spread `process.env` takes longer: it is asked twice for each property.
function ownEnvironment() {
  const { env } = process;
  const copy = { __proto__: null };
  for (const key of Object.keys(env)) copy[key] = env[key];
  return copy;
}

function validateTimeout(timeout) {
  if (timeout == null) return;
  if (isNode26) validateInteger(timeout, 'timeout', 0);
  else if (!Number.isInteger(timeout) || timeout < 0) {
    throw new ERR_OUT_OF_RANGE('timeout', 'an unsigned integer', timeout);
  }
}

function validateMaxBuffer(maxBuffer) {
  if (maxBuffer == null) return;
  if (isNode26) validateNumber(maxBuffer, 'options.maxBuffer', 0);
  else if (!(typeof maxBuffer === 'number' && maxBuffer >= 0)) {
    throw new ERR_OUT_OF_RANGE('options.maxBuffer', 'a positive number', maxBuffer);
  }
}

function validateId(id, name) {
  if (id == null) return;
  if (isNode26) validateInt32(id, name);
  else if (id !== (id | 0)) throw new ERR_INVALID_ARG_TYPE(name, 'int32', id);
}

function sanitizeKillSignal(killSignal) {
  if (typeof killSignal === 'string' || typeof killSignal === 'number')
    return convertToValidSignal(killSignal);
  if (killSignal != null)
    throw new ERR_INVALID_ARG_TYPE('options.killSignal', ['string', 'number'], killSignal);
  return undefined;
}

module.exports = {
  normalizeSpawnArguments,
  sanitizeKillSignal,
  validateArgv0,
  validateMaxBuffer,
  validateTimeout,
};
