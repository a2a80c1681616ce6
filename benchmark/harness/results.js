'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const folder = path.join(__dirname, '..', 'results');

function commit() {
  const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: folder, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

/** Writes one file for the whole run, every sample included, and returns its path. */
function writeResults(cases, { rounds }) {
  fs.mkdirSync(folder, { recursive: true });
  const date = new Date().toISOString();
  const file = path.join(folder, `${date.replace(/[:.]/g, '-')}.json`);
  const machine = {
    platform: process.platform,
    arch: process.arch,
    cpu: os.cpus()[0]?.model,
    cores: os.cpus().length,
  };
  const result = {
    date,
    commit: commit(),
    machine: { ...machine, memory: os.totalmem(), kernel: os.release() },
    rounds,
    cases,
  };
  fs.writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  return path.relative(process.cwd(), file);
}

module.exports = { writeResults };
