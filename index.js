'use strict';

const amqplib = require('./lib/amqplib');
const broker = require('./lib/broker');
const child_process = require('./lib/child_process');
const { isNative } = require('./lib/native/no-addon');
const net = require('./lib/net');

const { createBroker } = broker;
const { ChildProcess, exec, execFile, execFileSync, execSync, fork, spawn, spawnSync } = child_process;
const { killTree, resourceUsage, RunError, run, setDieWithParent } = child_process;

module.exports = {
  amqplib,
  broker,
  child_process,
  net,
  isNative,
  createBroker,
  ChildProcess,
  exec,
  execFile,
  execFileSync,
  execSync,
  fork,
  spawn,
  spawnSync,
  killTree,
  resourceUsage,
  RunError,
  run,
  setDieWithParent,
};
