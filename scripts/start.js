'use strict';

// npm start: from a fresh clone to the running demo.

const path = require('node:path');
const { ensureAddon } = require('./setup/addon');
const { readArguments } = require('./setup/arguments');
const { runCommand } = require('./setup/run-command');
const { runMain } = require('./setup/stop');

const USAGE = `Usage: npm start [-- --amqp-url URL]

Builds the addon where it is stale, and runs the programs of examples/.

  --amqp-url URL  the queue programs talk to that broker instead of the embedded one`;

// demo.js reads them again, but who asks for help does not want to wait for the build.
readArguments(USAGE, { options: { 'amqp-url': { type: 'string' } } });

runMain(async () => {
  await ensureAddon('release');
  const { status } = await runCommand(process.execPath, [
    path.join(__dirname, 'demo.js'),
    ...process.argv.slice(2),
  ]);
  return status === 0 ? 0 : 1;
});
