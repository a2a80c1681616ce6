'use strict';

// run(): a child as a promise, for `await`, `for await` and `await using`.

const { once } = require('node:events');
const { createInterface } = require('node:readline');
const { pipeline, Readable } = require('node:stream');

const { gatherInto } = require('./output');
const { normalizeRunOptions } = require('./run-options');
const { spawn } = require('./spawn');

class RunError extends Error {
  constructor(message, facts, cause) {
    super(message, cause === undefined ? undefined : { cause });
    Object.assign(this, facts);
  }
}
Object.defineProperty(RunError.prototype, 'name', { value: 'RunError', writable: true, configurable: true });

function run(file, args, options) {
  if (args != null && !Array.isArray(args)) {
    options = args;
    args = [];
  }
  options = normalizeRunOptions(options);
  const { timeout, ...spawnOptions } = options;

  const started = process.hrtime.bigint();
  const child = spawn(file, args ?? [], { ...spawnOptions, timeout: undefined });
  const promise = finish(child, { file, args: args ?? [], options, timeout, started });
  promise.child = child;
  promise[Symbol.asyncIterator] = () => lines(child, promise);
  if (Symbol.asyncDispose) promise[Symbol.asyncDispose] = () => dispose(child, promise);
  // Whoever only iterates or disposes is told of a failure there.
  promise.catch(() => {});
  return promise;
}

async function finish(child, { file, args, options, timeout, started }) {
  const state = { timedOut: false, isMaxBuffer: false, failure: undefined };
  const outputs = {};
  for (const name of ['stdout', 'stderr', 'all']) {
    if (child[name] && !(name === 'stdout' && child.all)) outputs[name] = gather(child, name, options, state);
  }
  feed(child, options.input);
  child.on('error', (error) => (state.failure = error));

  let timer;
  if (timeout > 0) {
    timer = setTimeout(() => {
      state.timedOut = true;
      child.kill(options.killSignal);
    }, timeout);
  }
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);

  const facts = {
    command: [file, ...args].join(' '),
    exitCode: child.exitCode !== null && child.exitCode >= 0 ? child.exitCode : null,
    signal: child.signalCode,
    stdout: outputs.stdout?.(),
    stderr: outputs.stderr?.(),
    all: outputs.all?.(),
    timedOut: state.timedOut,
    aborted: state.failure?.name === 'AbortError',
    isMaxBuffer: state.isMaxBuffer,
    killed: child.killed,
    pid: child.pid,
    durationMs: Number(process.hrtime.bigint() - started) / 1e6,
    resourceUsage: child.resourceUsage(),
  };
  const failed = state.failure !== undefined || facts.exitCode !== 0 || state.timedOut || state.isMaxBuffer;
  if (!failed) return facts;
  const error = new RunError(describe(facts, state, options), facts, state.failure);
  if (state.failure?.code !== undefined) error.code = state.failure.code;
  if (options.reject) throw error;
  return Object.assign(facts, { error });
}

function gather(child, name, options, state) {
  const { encoding } = options;
  const stream = child[name];
  const chunks = [];
  if (encoding) stream.setEncoding(encoding);
  stream.on(
    'data',
    gatherInto(chunks, stream, options, () => {
      state.isMaxBuffer = true;
      stream.destroy();
      child.kill(options.killSignal);
    }),
  );
  // What it was is in the exit status.
  stream.on('error', () => {});
  return () => {
    if (!encoding) return Buffer.concat(chunks);
    const text = chunks.join('');
    return options.stripFinalNewline ? text.replace(/\r?\n$/, '') : text;
  };
}

// A child that does not read all of its input is no failure of ours.
function feed(child, input) {
  if (!child.stdin) return;
  child.stdin.on('error', () => {});
  if (input === undefined || input === null) child.stdin.end();
  else if (typeof input === 'string') child.stdin.end(input);
  else if (ArrayBuffer.isView(input)) child.stdin.end(bytesOf(input));
  else pipeline(Readable.from(input), child.stdin, () => {});
}

// Node 20 writes no view but a Uint8Array.
function bytesOf({ buffer, byteOffset, byteLength }) {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function describe({ command, exitCode, signal }, { timedOut, isMaxBuffer, failure }, { timeout, maxBuffer }) {
  if (timedOut) return `Command timed out after ${timeout} ms: ${command}`;
  if (isMaxBuffer) return `Command wrote more than maxBuffer (${maxBuffer} bytes): ${command}`;
  if (failure?.name === 'AbortError') return `Command was aborted: ${command}`;
  if (failure) return `Command failed with ${failure.code ?? failure.message}: ${command}`;
  if (signal) return `Command was killed with ${signal}: ${command}`;
  return `Command failed with exit code ${exitCode}: ${command}`;
}

// The lines of stdout as they come; at the end the failure, if any. Leaving the loop early kills the child.
async function* lines(child, promise) {
  const stream = child.all ?? child.stdout;
  let ended = false;
  try {
    if (stream) yield* createInterface({ input: stream, crlfDelay: Infinity });
    ended = true;
  } finally {
    if (!ended) await dispose(child, promise);
  }
  await promise;
}

async function dispose(child, promise) {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    child.kill();
    await once(child, 'close');
  }
  await promise.catch(() => {});
}

module.exports = { RunError, run };
