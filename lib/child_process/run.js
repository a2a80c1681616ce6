'use strict';

// run(): a child as a promise, for `await`, `for await` and `await using`.

const { createInterface } = require('node:readline');

const { gatherInto } = require('./output');
const { Ending } = require('./run-ending');
const { feed } = require('./run-input');
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
  args ??= [];
  options = normalizeRunOptions(options);

  const started = process.hrtime.bigint();
  const child = spawn(file, args, { ...options, signal: undefined, timeout: undefined });
  const ending = new Ending(child, options);
  const promise = finish(child, { command: [file, ...args].join(' '), options, ending, started });
  promise.child = child;
  promise[Symbol.asyncIterator] = () => lines(child, ending, promise);
  if (Symbol.asyncDispose) promise[Symbol.asyncDispose] = () => dispose(ending, promise);
  // Whoever only iterates or disposes is told of a failure there.
  promise.catch(() => {});
  return promise;
}

async function finish(child, { command, options, ending, started }) {
  const outputs = {};
  for (const name of ['stdout', 'stderr', 'all']) {
    if (child[name] && !(name === 'stdout' && child.all))
      outputs[name] = gather(child, name, options, ending);
  }
  if (child.stdin) feed(child.stdin, options.input, (error) => ending.end('input', error));
  await ending.over;

  const { cause, error } = ending;
  const facts = {
    command,
    exitCode: child.exitCode !== null && child.exitCode >= 0 ? child.exitCode : null,
    signal: child.signalCode,
    stdout: outputs.stdout?.(),
    stderr: outputs.stderr?.(),
    all: outputs.all?.(),
    timedOut: cause === 'timeout',
    aborted: cause === 'abort',
    isMaxBuffer: cause === 'maxBuffer',
    killed: child.killed,
    pid: child.pid,
    durationMs: Number(process.hrtime.bigint() - started) / 1e6,
    resourceUsage: child.resourceUsage(),
  };
  // Whoever leaves early makes no failure of a child that had done its work.
  if (facts.exitCode === 0 && (cause === undefined || cause === 'left')) return facts;
  const failure = new RunError(describe(facts, ending, options), facts, error);
  // An input's ENOENT would read as a missing program.
  if (cause !== 'input' && error?.code !== undefined) failure.code = error.code;
  if (options.reject) throw failure;
  return Object.assign(facts, { error: failure });
}

function gather(child, name, options, ending) {
  const { encoding } = options;
  const stream = child[name];
  const chunks = [];
  if (encoding) stream.setEncoding(encoding);
  stream.on(
    'data',
    gatherInto(chunks, stream, options, () => {
      stream.destroy();
      ending.end('maxBuffer');
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

function describe({ command, exitCode, signal }, { cause, error }, { timeout, maxBuffer }) {
  const reason = error?.code ?? error?.message ?? error;
  if (cause === 'timeout') return `Command timed out after ${timeout} ms: ${command}`;
  if (cause === 'maxBuffer') return `Command wrote more than maxBuffer (${maxBuffer} bytes): ${command}`;
  if (cause === 'abort') return `Command was aborted: ${command}`;
  if (cause === 'input') return `Command was ended because its input failed with ${reason}: ${command}`;
  if (cause === 'error') return `Command failed with ${reason}: ${command}`;
  if (signal) return `Command was killed with ${signal}: ${command}`;
  return `Command failed with exit code ${exitCode}: ${command}`;
}

// The lines of stdout as they come; at the end the failure, if any. Leaving the loop early kills the child.
async function* lines(child, ending, promise) {
  const stream = child.all ?? child.stdout;
  let ended = false;
  try {
    if (stream) yield* createInterface({ input: stream, crlfDelay: Infinity });
    ended = true;
  } finally {
    if (!ended) await dispose(ending, promise);
  }
  await promise;
}

async function dispose(ending, promise) {
  ending.end('left');
  await promise.catch(() => {});
}

module.exports = { RunError, run };
