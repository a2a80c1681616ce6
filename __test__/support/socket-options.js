'use strict';

// The options of a socket as the kernel knows them, whoever made the socket: read by a program that inherits it.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

let program;

function build() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'socket-options-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'socket-options');
  execFileSync('cc', ['-o', file, path.join(__dirname, 'socket-options.c')]);
  return file;
}

/** { keepAlive, idle, interval, count, noDelay, tos, class }: numbers, -1 for what such a socket does not have. */
function socketOptions(fd) {
  program ??= build();
  return JSON.parse(execFileSync(program, { stdio: ['ignore', 'pipe', 'inherit', fd] }));
}

module.exports = { socketOptions };
