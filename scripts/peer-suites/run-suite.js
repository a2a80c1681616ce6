'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { root } = require('../setup/stamp');
const { Results, fromJest, fromTap } = require('./results');

// Not --import: with it Node 20 loads the program as if it were an ES module, which suites of TypeScript do not survive.
const register = `--require "${path.join(root, 'lib', 'register.js')}"`;

const FILE_LIMIT_MS = 180_000;

/** Runs a suite once; resolves with its results. What it prints is in `log`. */
async function runSuite(suite, { folder, binary, env, registered, log }) {
  const settings = {
    ...process.env,
    ...suite.env,
    ...env,
    PATH: `${path.dirname(binary)}${path.delimiter}${process.env.PATH}`,
    CI: 'true',
    NODE_OPTIONS: registered ? register : '',
  };
  fs.writeFileSync(log, '');
  if (suite.files) return runFiles(suite.files, { folder, binary, env: settings, log });
  const report = suite.report && path.join(folder, suite.report);
  if (report) fs.rmSync(report, { force: true });
  const limit = (suite.limitMinutes ?? 15) * 60_000;
  await run(binary, expand(suite.command, folder), { cwd: folder, env: settings, log, limit });
  if (!report) return fromTap(fs.readFileSync(log, 'utf8'));
  return fs.existsSync(report) ? fromJest(JSON.parse(fs.readFileSync(report, 'utf8'))) : new Results();
}

// No shell does it here.
function expand(args, folder) {
  return args.flatMap((argument) => {
    if (!argument.includes('*')) return [argument];
    const [base] = argument.split('*');
    const ending = argument.slice(argument.lastIndexOf('*') + 1);
    const recursive = argument.includes('**');
    return fs
      .readdirSync(path.join(folder, base), { recursive })
      .filter((file) => file.endsWith(ending) && !file.endsWith('.d.ts'))
      .map((file) => path.join(base, file))
      .sort();
  });
}

async function runFiles({ folder: tests, pattern, deep, containing, args = [], cwd = '.' }, options) {
  const { folder, binary, env, log } = options;
  const results = new Results();
  const base = path.join(folder, tests);
  const files = fs.readdirSync(base, { recursive: deep }).filter((file) => pattern.test(file));
  for (const file of files.sort()) {
    const full = path.join(base, file);
    if (containing && !containing.test(fs.readFileSync(full, 'utf8'))) continue;
    const status = await run(binary, [...args, full], {
      cwd: path.join(folder, cwd),
      env,
      log,
      limit: FILE_LIMIT_MS,
    });
    results.add(file, status === 0);
  }
  return results;
}

/** Resolves with the exit status. Everything that the command leaves running in its group is ended. */
function run(binary, args, { cwd, env, log, limit }) {
  return new Promise((resolve, reject) => {
    const output = fs.openSync(log, 'a');
    const child = spawn(binary, args, { cwd, env, stdio: ['ignore', output, output], detached: true });
    fs.closeSync(output);
    const endAll = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {} // The group has ended.
    };
    const timer = setTimeout(() => {
      fs.appendFileSync(log, `\nended after ${limit} ms\n`);
      endAll();
    }, limit);
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      endAll();
      resolve(code ?? signal);
    });
  });
}

module.exports = { run, runSuite };
