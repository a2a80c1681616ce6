'use strict';

// Starts child.js, says something to it and prints what comes back.
//   node examples/spawn-parent.js

const path = require('node:path');
const { spawn } = require('oxipc/child_process');

const child = spawn(process.execPath, [path.join(__dirname, 'child.js')]);

child.stdout.on('data', (data) => {
  console.log(`Parent received: ${data.toString().trim()}`);
});

child.stderr.on('data', (data) => {
  console.error(`Child's error: ${data}`);
});

child.on('close', (code) => {
  console.log(`Child exited with code ${code}`);
  process.exitCode = code;
});

child.stdin.write('Hello from the parent');
child.stdin.end();
