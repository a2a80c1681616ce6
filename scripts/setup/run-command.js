'use strict';

const { spawn } = require('node:child_process');
const { root } = require('./stamp');

/**
 * Runs a command in the project's folder and resolves with `{ status, output }`. With `capture`, what it prints also
 * goes to `output`; with `quiet`, only there.
 */
function runCommand(file, args, { env, capture = false, quiet = false, cwd = root } = {}) {
  return new Promise((resolve, reject) => {
    const pipe = capture || quiet;
    const child = spawn(file, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', pipe ? 'pipe' : 'inherit', pipe ? 'pipe' : 'inherit'],
    });
    let output = '';
    for (const name of pipe ? ['stdout', 'stderr'] : []) {
      child[name].setEncoding('utf8').on('data', (text) => {
        output += text;
        if (!quiet) process[name].write(text);
      });
    }
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ status: code ?? signal, output }));
  });
}

module.exports = { runCommand };
