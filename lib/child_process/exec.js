'use strict';

// exec and execFile: a child's output gathered, and one callback at its end.

const { clearTimeout, setTimeout } = require('node:timers');
const { getSystemErrorName, promisify } = require('node:util');

const { ERR_CHILD_PROCESS_STDIO_MAXBUFFER } = require('../internal/errors');
const { genericNodeError } = require('../internal/system-errors');
const { MAX_BUFFER, normalizeExecArgs, normalizeExecFileArgs } = require('./exec-options');
const { gatherInto } = require('./output');
const { ownOptionsOf } = require('./own-options');
const { spawn } = require('./spawn');
const { sanitizeKillSignal, validateMaxBuffer, validateTimeout } = require('./spawn-options');

function exec(command, options, callback) {
  const normalized = normalizeExecArgs(command, options, callback);
  // By way of the exports: tracers replace execFile there.
  return require('../child_process').execFile(normalized.file, normalized.options, normalized.callback);
}

function execFile(file, args, options, callback) {
  ({ file, args, options, callback } = normalizeExecFileArgs(file, args, options, callback));
  options = {
    __proto__: null,
    encoding: 'utf8',
    timeout: 0,
    maxBuffer: MAX_BUFFER,
    killSignal: 'SIGTERM',
    cwd: null,
    env: null,
    shell: false,
    ...options,
  };
  validateTimeout(options.timeout);
  validateMaxBuffer(options.maxBuffer);
  const own = ownOptionsOf(options);
  options.killSignal = sanitizeKillSignal(options.killSignal);

  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.env,
    gid: options.gid,
    shell: options.shell,
    signal: options.signal,
    uid: options.uid,
    windowsHide: Boolean(options.windowsHide),
    windowsVerbatimArguments: Boolean(options.windowsVerbatimArguments),
    // Not `all`: stdout and stderr are separate in the callback.
    oxipc: { dieWithParent: own.dieWithParent, forceKillAfter: own.forceKillAfter },
  });
  gather(child, { file, args, options, onMaxBuffer: own.onMaxBuffer, callback });
  return child;
}

function gather(child, { file, args, options, onMaxBuffer, callback }) {
  const encoding =
    options.encoding !== 'buffer' && Buffer.isEncoding(options.encoding) ? options.encoding : null;
  const outputs = { stdout: [], stderr: [] };
  let failure = null;
  let killed = false;
  let ended = false;
  let timer;

  for (const name of ['stdout', 'stderr']) {
    if (!child[name]) continue;
    if (encoding) child[name].setEncoding(encoding);
    child[name].on(
      'data',
      gatherInto(outputs[name], child[name], { maxBuffer: options.maxBuffer, onMaxBuffer }, () => {
        failure = new ERR_CHILD_PROCESS_STDIO_MAXBUFFER(name);
        kill();
      }),
    );
  }

  if (options.timeout > 0) timer = setTimeout(kill, options.timeout);
  child.addListener('close', finish);
  child.addListener('error', (error) => {
    failure = error;
    destroyOutputs();
    finish();
  });

  function kill() {
    destroyOutputs();
    killed = true;
    try {
      child.kill(options.killSignal);
    } catch (error) {
      failure = error;
      finish();
    }
  }

  function destroyOutputs() {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }

  function finish(code, signal) {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    if (!callback) return;

    const stdout = merge(outputs.stdout, encoding || child.stdout?.readableEncoding);
    const stderr = merge(outputs.stderr, encoding || child.stderr?.readableEncoding);
    if (!failure && code === 0 && signal === null) {
      callback(null, stdout, stderr);
      return;
    }
    const cmd = args.length > 0 ? `${file} ${args.join(' ')}` : file;
    failure ||= genericNodeError(`Command failed: ${cmd}\n${stderr}`, {
      code: code < 0 ? getSystemErrorName(code) : code,
      killed: child.killed || killed,
      signal,
    });
    failure.cmd = cmd;
    callback(failure, stdout, stderr);
  }
}

function merge(chunks, encoding) {
  return encoding ? chunks.join('') : Buffer.concat(chunks);
}

// `util.promisify` gives a promise with the child, for both outputs.
function promisified(original) {
  const promising = (...args) => {
    let settle;
    const promise = new Promise((resolve, reject) => (settle = { resolve, reject }));
    // Outside of the promise's executor: wrong arguments are thrown.
    promise.child = original(...args, (error, stdout, stderr) => {
      if (error !== null) settle.reject(Object.assign(error, { stdout, stderr }));
      else settle.resolve({ stdout, stderr });
    });
    return promise;
  };
  Object.defineProperty(promising, 'name', { value: original.name, configurable: true });
  return promising;
}

for (const original of [exec, execFile]) {
  Object.defineProperty(original, promisify.custom, { enumerable: false, value: promisified(original) });
}

module.exports = { exec, execFile };
