'use strict';

// Scenarios with node:child_process and ours.

const { once } = require('node:events');
const { execPath } = require('node:process');

const { sideBySide } = require('../side-by-side');
require('../../support/end-children');

/** A bound for a program that hangs. */
const PROGRAM_LIMIT_MS = 60_000;

const compare = sideBySide.bind(null, require('node:child_process'), require('../../../lib/child_process'));

/** Compares what a synchronous call returns or throws. */
const compareCall = (name, call, options) =>
  compare(name, (module, log) => log('returned', call(module)), options);

/**
 * Logs a child's own events in their order; resolves after 'close'. 'disconnect' comes last: node itself sees the end of
 * the channel before or after that of the process, as the load of the machine has it.
 */
async function logEvents(child, log, names = ['spawn', 'exit', 'close', 'error', 'disconnect']) {
  const isConnected = child.connected && names.includes('disconnect');
  const disconnected = isConnected && new Promise((resolve) => child.once('disconnect', resolve));
  for (const name of names) if (name !== 'disconnect') child.on(name, (...facts) => log(name, ...facts));
  await new Promise((resolve) => child.once('close', resolve));
  await disconnected;
  if (isConnected) log('disconnect');
}

/** A child's outputs, gathered as text. */
async function outputsOf(child) {
  const outputs = ['', ''];
  child.stdout?.on('data', (chunk) => (outputs[0] += chunk));
  child.stderr?.on('data', (chunk) => (outputs[1] += chunk));
  const [code, signal] = await once(child, 'close');
  return { stdout: outputs[0], stderr: outputs[1], code, signal };
}

/**
 * Runs a script in a process of its own with `cp` as the module under test: for what ends or alters a process. `options` are
 * those of the spawnSync that runs it.
 */
function scriptOf(source, flags = [], options = {}) {
  return (module) => {
    const path =
      module === require('node:child_process')
        ? 'node:child_process'
        : require.resolve('../../../lib/child_process');
    const program = `const modulePath = ${JSON.stringify(path)};\nconst cp = require(modulePath);\n${source}`;
    const { status, signal, stdout, stderr } = require('node:child_process').spawnSync(
      execPath,
      [...flags, '-e', program],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: PROGRAM_LIMIT_MS,
        killSignal: 'SIGKILL',
        ...options,
      },
    );
    // Warnings name the process.
    return { status, signal, stdout, stderr: stderr?.replace(/\(node:\d+\)/g, '(node)') };
  };
}

module.exports = { PROGRAM_LIMIT_MS, compare, compareCall, logEvents, outputsOf, scriptOf };
