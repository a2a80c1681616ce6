'use strict';

const { ERR_CHILD_PROCESS_IPC_REQUIRED } = require('../internal/errors');
const { getValidatedPath } = require('../internal/file-path');
const {
  validateArgumentNullCheck,
  validateArgumentsNullCheck,
  validateArray,
  validateObject,
} = require('../internal/validators');
const { setupChannel, unrefChannel } = require('./channel');
const { spawn } = require('./spawn');
const { stdioStringToArray } = require('./stdio');

function fork(modulePath, args = [], options) {
  modulePath = getValidatedPath(modulePath, 'modulePath');

  if (args == null) {
    args = [];
  } else if (typeof args === 'object' && !Array.isArray(args)) {
    options = args;
    args = [];
  } else {
    validateArray(args, 'args');
  }
  if (options != null) validateObject(options, 'options');

  options = { __proto__: null, ...options, shell: false };
  options.execPath ||= process.execPath;
  validateArgumentNullCheck(options.execPath, 'options.execPath');

  const execArgv = options.execArgv || process.execArgv;
  validateArgumentsNullCheck(execArgv, 'options.execArgv');
  args = [...withoutEval(execArgv), modulePath, ...args];

  if (typeof options.stdio === 'string') {
    options.stdio = stdioStringToArray(options.stdio, 'ipc');
  } else if (!Array.isArray(options.stdio)) {
    options.stdio = stdioStringToArray(options.silent ? 'pipe' : 'inherit', 'ipc');
  } else if (!options.stdio.includes('ipc')) {
    throw new ERR_CHILD_PROCESS_IPC_REQUIRED('options.stdio');
  }
  return spawn(options.execPath, args, options);
}

// A program given with `-e` would fork itself for ever.
function withoutEval(execArgv) {
  const index =
    execArgv === process.execArgv && process._eval != null ? execArgv.lastIndexOf(process._eval) : -1;
  return index > 0 ? execArgv.toSpliced(index - 1, 2) : execArgv;
}

// In a child: the channel that the parent has left on `fd` becomes that of `process`. Node's bootstrap calls its own.
function _forkChild(fd, serializationMode) {
  const control = setupChannel(process, fd, serializationMode, () => {});
  unrefChannel(process);
  process.on('newListener', (name) => {
    if (name === 'message' || name === 'disconnect') control.refCounted();
  });
  process.on('removeListener', (name) => {
    if (name === 'message' || name === 'disconnect') control.unrefCounted();
  });
}

module.exports = { _forkChild, fork };
