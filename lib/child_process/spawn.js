'use strict';

const { addAbortListener } = require('node:events');
const { clearTimeout, setTimeout } = require('node:timers');

const { AbortError } = require('../internal/abort-error');
const { validateAbortSignal } = require('../internal/validators');
const { ChildProcess } = require('./child-process');
const { normalizeSpawnArguments, sanitizeKillSignal, validateTimeout } = require('./spawn-options');

function spawn(file, args, options) {
  options = normalizeSpawnArguments(file, args, options);
  validateTimeout(options.timeout);
  validateAbortSignal(options.signal, 'options.signal');
  const killSignal = sanitizeKillSignal(options.killSignal);

  const child = new ChildProcess();
  child.spawn(options);

  if (options.timeout > 0) killAfter(child, options.timeout, killSignal);
  if (options.signal) killOnAbort(child, options.signal, killSignal);
  return child;
}

function killAfter(child, timeout, killSignal) {
  const timer = setTimeout(() => {
    try {
      child.kill(killSignal);
    } catch (error) {
      child.emit('error', error);
    }
  }, timeout);
  atEnd(child, () => clearTimeout(timer));
}

function killOnAbort(child, signal, killSignal) {
  const onAbort = () => {
    try {
      if (child.kill(killSignal)) child.emit('error', new AbortError(undefined, { cause: signal.reason }));
    } catch (error) {
      child.emit('error', error);
    }
  };

  if (signal.aborted) {
    process.nextTick(onAbort);
  } else {
    const listener = addAbortListener(signal, onAbort);
    atEnd(child, () => listener[Symbol.dispose]());
  }
}

// One that never ran has no 'exit', one that has disconnected has no 'close'.
function atEnd(child, act) {
  child.once('exit', act);
  child.once('close', act);
}

module.exports = { spawn };
