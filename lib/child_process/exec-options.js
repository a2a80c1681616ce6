'use strict';

// Argument forms that exec, execFile and their synchronous kin share.

const {
  validateArgumentNullCheck,
  validateFunction,
  validateObject,
  validateString,
} = require('../internal/validators');
const { validateArgv0 } = require('./spawn-options');

/** Bytes of output; Node's default. */
const MAX_BUFFER = 1024 * 1024;

function normalizeExecArgs(command, options, callback) {
  validateString(command, 'command');
  validateArgumentNullCheck(command, 'command');

  if (typeof options === 'function') {
    callback = options;
    options = undefined;
  }
  options = { __proto__: null, ...options };
  options.shell = typeof options.shell === 'string' ? options.shell : true;
  return { file: command, options, callback };
}

function normalizeExecFileArgs(file, args, options, callback) {
  if (Array.isArray(args)) {
    args = args.slice();
  } else if (args != null && typeof args === 'object') {
    callback = options;
    options = args;
    args = null;
  } else if (typeof args === 'function') {
    callback = args;
    options = null;
    args = null;
  }
  args ??= [];

  if (typeof options === 'function') callback = options;
  else if (options != null) validateObject(options, 'options');
  options ??= {};

  if (callback != null) validateFunction(callback, 'callback');
  validateArgv0(options.argv0);
  return { file, args, options, callback };
}

module.exports = { MAX_BUFFER, normalizeExecArgs, normalizeExecFileArgs };
