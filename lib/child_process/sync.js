'use strict';

// spawnSync, execFileSync, execSync.

const { ERR_INVALID_ARG_TYPE } = require('../internal/errors');
const { requireChildPermission } = require('../internal/permission');
const { errnoException, genericNodeError } = require('../internal/system-errors');
const native = require('../native');
const { MAX_BUFFER, normalizeExecArgs, normalizeExecFileArgs } = require('./exec-options');
const { addMark, parentDeathOf } = require('./die-with-parent');
const { descriptorOf, toNative } = require('./native-options');
const { ownOptionsOf } = require('./own-options');
const { signalName } = require('./signal-names');
const {
  normalizeSpawnArguments,
  sanitizeKillSignal,
  validateMaxBuffer,
  validateTimeout,
} = require('./spawn-options');
const { getValidStdio } = require('./stdio');

// What a child that never started leaves: as the Node that runs us.
const NO_OUTPUT = process.versions.node.startsWith('20.') ? null : undefined;

const { SIGTERM } = require('node:os').constants.signals;

function spawnSync(file, args, options) {
  options = { __proto__: null, maxBuffer: MAX_BUFFER, ...normalizeSpawnArguments(file, args, options) };

  validateTimeout(options.timeout);
  validateMaxBuffer(options.maxBuffer);
  options.killSignal = sanitizeKillSignal(options.killSignal);
  options.stdio = getValidStdio(options.stdio || 'pipe', true).stdio;
  if (options.input) options.stdio[0] = { ...options.stdio[0], input: options.input };
  options.stdio.forEach((entry, index) => convertInput(options, entry, index));
  requireChildPermission(options.file);
  const own = ownOptionsOf(options);
  const { deathSignal, mark } = parentDeathOf(own);
  addMark(options, mark);

  const { stdio, encoding } = options;
  const info = native.spawnSync(
    toNative(options, deathSignal),
    Int32Array.from(stdio, descriptorOf),
    stdio.map(({ input }) => input ?? null),
    Uint8Array.from(stdio, ({ writable }) => (writable ? 1 : 0)),
    {
      timeout: options.timeout > 0 ? options.timeout : undefined,
      maxBuffer: options.maxBuffer > 0 ? options.maxBuffer : undefined,
      killSignal: options.killSignal || SIGTERM,
      forceKillAfter: own.forceKillAfter ?? undefined,
    },
  );
  return toResult(info, options, encoding);
}

function convertInput(options, entry, index) {
  const { input } = entry;
  if (input == null) return;
  if (ArrayBuffer.isView(input)) return;
  if (typeof input !== 'string') {
    throw new ERR_INVALID_ARG_TYPE(
      `options.stdio[${index}]`,
      ['Buffer', 'TypedArray', 'DataView', 'string'],
      input,
    );
  }
  options.stdio[index] = { ...entry, input: Buffer.from(input, options.encoding) };
}

// The order of the properties is Node's.
function toResult({ error, started, code, signal, pid, outputs }, { file, args }, encoding) {
  const result = {};
  if (error !== 0) result.error = error;
  result.status = started && signal === 0 ? code : null;
  result.signal = signal === 0 ? null : signalName(signal);
  result.output = started ? decode(outputs, encoding) : null;
  result.pid = pid;
  result.stdout = result.output ? result.output[1] : NO_OUTPUT;
  result.stderr = result.output ? result.output[2] : NO_OUTPUT;

  if (error !== 0) {
    result.error = errnoException(error, `spawnSync ${file}`);
    result.error.path = file;
    result.error.spawnargs = args.slice(1);
  }
  return result;
}

function decode(outputs, encoding) {
  if (!encoding || encoding === 'buffer') return outputs;
  return outputs.map((output) => (output === null ? null : output.toString(encoding)));
}

function execFileSync(file, args, options) {
  ({ file, args, options } = normalizeExecFileArgs(file, args, options));

  const result = spawnSync(file, args, options);
  if (!options.stdio) passOnStderr(result);
  throwFailure(result, () => [options.argv0 || file, ...args].join(' '));
  return result.stdout;
}

function execSync(command, options) {
  const { file, options: execOptions } = normalizeExecArgs(command, options, null);

  const result = spawnSync(file, execOptions);
  if (!execOptions.stdio) passOnStderr(result);
  throwFailure(result, () => command);
  return result.stdout;
}

function passOnStderr({ stderr }) {
  if (stderr) process.stderr.write(stderr);
}

function throwFailure(result, describe) {
  if (result.error) throw Object.assign(result.error, result);
  if (result.status === 0) return;
  const text = result.stderr?.length > 0 ? `\n${result.stderr.toString()}` : '';
  throw genericNodeError(`Command failed: ${describe()}${text}`, result);
}

module.exports = { execFileSync, execSync, spawnSync };
