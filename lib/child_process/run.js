'use strict';

// run(): a child as a promise, for `await`, `for await` and `await using`.

const { existsSync } = require('node:fs');

const { resourceUsage } = require('./extras');
const { Ending } = require('./run-ending');
const { feed } = require('./run-input');
const { normalizeRunOptions } = require('./run-options');
const { Output } = require('./run-output');
const { spawn } = require('./spawn');

class RunError extends Error {
  constructor(message, facts, cause) {
    super(message, cause === undefined ? undefined : { cause });
    Object.assign(this, facts);
  }
}
Object.defineProperty(RunError.prototype, 'name', { value: 'RunError', writable: true, configurable: true });

const NEVER_OPENED = { lines: () => [], keepEnd() {} };

function run(file, args, options) {
  if (args != null && !Array.isArray(args)) {
    options = args;
    args = [];
  }
  args ??= [];
  options = normalizeRunOptions(options);

  const started = process.hrtime.bigint();
  const { all, dieWithParent, forceKillAfter } = options;
  const oxipc = { all, dieWithParent, forceKillAfter };
  const child = spawn(file, args, { ...options, oxipc, signal: undefined, timeout: undefined });
  const ending = new Ending(child, options);
  const outputs = openOutputs(child, options, ending);
  if (child.stdin) feed(child.stdin, options.input, ending);
  const promise = finish(child, { command: [file, ...args].join(' '), options, ending, outputs, started });
  promise.child = child;
  promise[Symbol.asyncIterator] = () => {
    // The loop throws it at its end.
    promise.catch(() => {});
    return lines(outputs, ending, promise);
  };
  if (Symbol.asyncDispose) promise[Symbol.asyncDispose] = () => dispose(ending, promise);
  return promise;
}

function openOutputs({ stdout, stderr }, options, ending) {
  const open = (stream) => {
    // There are no streams at all when descriptors ran out.
    if (stream === undefined) return { ...NEVER_OPENED, result: options.encoding ? '' : Buffer.alloc(0) };
    return stream && new Output(stream, options, () => ending.end('maxBuffer'));
  };
  return options.all ? { all: open(stdout) } : { stdout: open(stdout), stderr: open(stderr) };
}

async function finish(child, { command, options, ending, outputs, started }) {
  await ending.over;

  const { cause, error } = ending;
  const facts = {
    command,
    exitCode: child.exitCode !== null && child.exitCode >= 0 ? child.exitCode : null,
    signal: child.signalCode,
    stdout: outputs.stdout?.result,
    stderr: outputs.stderr?.result,
    all: outputs.all?.result,
    timedOut: cause === 'timeout',
    aborted: cause === 'abort',
    isMaxBuffer: cause === 'maxBuffer',
    killed: child.killed,
    pid: child.pid,
    durationMs: Number(process.hrtime.bigint() - started) / 1e6,
    resourceUsage: resourceUsage(child),
  };
  // Whoever leaves early makes no failure of a child that had done its work.
  if (facts.exitCode === 0 && (cause === undefined || cause === 'left')) return facts;
  const failure = new RunError(describe(facts, ending, options), facts, error);
  // An input's ENOENT would read as a missing program.
  if (cause !== 'input' && error?.code !== undefined) failure.code = error.code;
  if (options.reject) throw failure;
  return Object.assign(facts, { error: failure });
}

function describe({ command, exitCode, signal }, { cause, error }, { timeout, maxBuffer, cwd }) {
  const reason = error?.code ?? error?.message ?? error;
  if (cause === 'timeout') return `Command timed out after ${timeout} ms: ${command}`;
  if (cause === 'maxBuffer') return `Command wrote more than maxBuffer (${maxBuffer} bytes): ${command}`;
  if (cause === 'abort') return `Command was aborted: ${command}`;
  if (cause === 'input') return `Command was ended because its input failed with ${reason}: ${command}`;
  if (cause === 'error') {
    // What the system says of a missing program too.
    const isWhere = reason === 'ENOENT' && cwd != null && !existsSync(cwd);
    return `Command failed with ${reason}${isWhere ? ` (there is no ${cwd} to run in)` : ''}: ${command}`;
  }
  if (signal) return `Command was killed with ${signal}: ${command}`;
  return `Command failed with exit code ${exitCode}: ${command}`;
}

// The lines of stdout as they come; at the end the failure, if any. Leaving the loop early kills the child.
async function* lines({ stdout, stderr, all }, ending, promise) {
  const output = all ?? stdout;
  // Before anything that would end the child: a second loop is refused and does not disturb the first.
  const taken = output?.lines();
  if (output) stderr?.keepEnd();
  let hasEnded = false;
  try {
    if (taken) yield* taken;
    hasEnded = true;
  } finally {
    if (!hasEnded) await dispose(ending, promise);
  }
  await promise;
}

async function dispose(ending, promise) {
  ending.end('left');
  await promise.catch(() => {});
}

module.exports = { RunError, run };
