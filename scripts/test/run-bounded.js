'use strict';

// Runs a test process for a bounded time and leaves nothing of it behind. A test that fails half-way may leave children
// that hold its output open; whoever waits for the end of that output would wait as long as they live.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const { root } = require('../setup/stamp');

// For output that is still in the pipe when the process has ended.
const DRAIN_MS = 2_000;

function readProc(pid, name) {
  try {
    return fs.readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return ''; // It has ended.
  }
}

/** Processes that carry the mark in their environment, or descend from `ancestor`. */
function related(mark, ancestor) {
  if (!fs.existsSync('/proc/self/stat')) return [];
  const all = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = new Map(
    all.map((pid) => [
      pid,
      readProc(pid, 'stat')
        .replace(/^.*\) \S /s, '')
        .split(' ')[0],
    ]),
  );
  const descends = (pid) => pid !== undefined && (pid === ancestor || descends(parents.get(pid)));
  return all.filter(
    (pid) =>
      pid !== String(process.pid) &&
      (descends(pid) || `\0${readProc(pid, 'environ')}`.includes(`\0${mark}\0`)) &&
      readProc(pid, 'cmdline') !== '',
  );
}

function killAll(pids) {
  for (const pid of pids) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {} // It has ended.
  }
}

/**
 * Resolves with `{ status, output, leftovers, timedOut }`. `mark` is a NAME=value of `env` that is this run's alone;
 * `leftovers` are the command lines of processes that were still running when the command had ended, and were killed.
 */
function runBounded(file, args, { env, mark, limit }) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let timedOut = false;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    const timer = setTimeout(() => {
      timedOut = true;
      killAll(related(mark, String(child.pid)));
    }, limit);
    let leftovers = [];
    let drained;
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('exit', () => {
      clearTimeout(timer);
      const pids = related(mark);
      leftovers = pids.map((pid) => readProc(pid, 'cmdline').replaceAll('\0', ' ').trim().slice(0, 200));
      killAll(pids);
      drained = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, DRAIN_MS);
    });
    child.on('close', (code, signal) => {
      clearTimeout(drained);
      resolve({ status: code ?? signal, output, leftovers, timedOut });
    });
  });
}

module.exports = { runBounded };
