'use strict';

// npm start: from a fresh clone to the running demo.

const path = require('node:path');
const { ensureAddon } = require('./setup/addon');
const { runCommand } = require('./setup/run-command');
const { runMain } = require('./setup/stop');

runMain(async () => {
  await ensureAddon('release');
  const { status } = await runCommand(process.execPath, [
    path.join(__dirname, 'demo.js'),
    ...process.argv.slice(2),
  ]);
  return status === 0 ? 0 : 1;
});
