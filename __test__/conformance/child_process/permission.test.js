'use strict';

// Node's permission model: children without --allow-child-process.

const { compareCall, scriptOf } = require('./compare');

const { allowedNodeEnvironmentFlags: known } = process;
const [flag] = ['--permission', '--experimental-permission'].filter((name) => known.has(name));

const program = `
  const channel = require('node:diagnostics_channel');
  channel.subscribe('node:permission-model:child', (message) => console.log('published', message));
  const attempts = {
    spawn: () => cp.spawn('true').on('spawn', () => console.log('started')),
    spawnSync: () => cp.spawnSync('true').status,
    exec: () => cp.exec('true', (error) => console.log('ended', error)).spawnfile,
    execFileSync: () => cp.execFileSync('true').length,
    fork: () => cp.fork('/nowhere', { silent: true }).spawnfile.length > 0,
  };
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      console.log(name, typeof attempt());
    } catch (error) {
      const { message, code, permission, resource } = error;
      console.log(name, message, code, permission, resource === process.execPath ? 'node' : resource);
    }
  }`;

const restricted = ['--no-warnings', '--allow-fs-read=*', '--allow-addons'];

compareCall('without --allow-child-process nothing starts', scriptOf(program, [flag, ...restricted]));

// Node 24 loads no addon under an audit without the flag.
compareCall(
  '--permission-audit reports and refuses nothing',
  scriptOf(program, ['--no-warnings', '--permission-audit', '--allow-addons']),
  { skip: !known.has('--permission-audit') && 'this Node has no --permission-audit' },
);
