'use strict';

// Answers what its parent writes; see spawn-parent.js.

process.stdin.on('data', (data) => {
  process.stdout.write(`Child received: ${data}`);
});
