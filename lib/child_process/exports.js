'use strict';

// Stands in for `node:child_process`.

const { ChildProcess } = require('./child-process');
const { exec, execFile } = require('./exec');
const { fork, _forkChild } = require('./fork');
const { setDieWithParent } = require('./defaults');
const { killTree, resourceUsage } = require('./extras');
const { RunError, run } = require('./run');
const { spawn } = require('./spawn');
const { execFileSync, execSync, spawnSync } = require('./sync');

// One by one: the object stays the same (exec looks execFile up here while this module may still be loading), and an ES
// module that imports this sees the names.
exports._forkChild = _forkChild;
exports.ChildProcess = ChildProcess;
exports.exec = exec;
exports.execFile = execFile;
exports.execFileSync = execFileSync;
exports.execSync = execSync;
exports.fork = fork;
exports.spawn = spawn;
exports.spawnSync = spawnSync;

// Beyond Node's: hidden from those who copy or wrap what they find here, in the form that ES modules see.
Object.defineProperty(exports, 'killTree', { value: killTree, writable: true, configurable: true });
Object.defineProperty(exports, 'resourceUsage', { value: resourceUsage, writable: true, configurable: true });
Object.defineProperty(exports, 'run', { value: run, writable: true, configurable: true });
Object.defineProperty(exports, 'RunError', { value: RunError, writable: true, configurable: true });
Object.defineProperty(exports, 'setDieWithParent', {
  value: setDieWithParent,
  writable: true,
  configurable: true,
});
