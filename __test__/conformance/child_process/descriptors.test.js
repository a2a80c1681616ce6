'use strict';

// Descriptors in `stdio` that are none, and the streams of children.

const { once } = require('node:events');

const { compare, compareCall, scriptOf } = require('./compare');

// What a closed stream has, what is nothing, what is not open.
const DESCRIPTORS = [-1, -2, -5, 99_999];

for (const fd of DESCRIPTORS) {
  compare(`stdio: [{ fd: ${fd} }]`, async (module, log) => {
    for (const stdio of [
      ['ignore', { fd }, 'ignore'],
      ['ignore', 'ignore', 'ignore', { fd }],
    ]) {
      try {
        const { status, error } = module.spawnSync('true', { stdio });
        log('sync', status, error);
        const child = module.spawn('true', { stdio });
        log('exit', ...(await once(child, 'exit')));
      } catch (error) {
        log('threw', error);
      }
    }
  });
}

for (const fd of [-1, 2 ** 31 - 1]) {
  compareCall(
    `_forkChild(${fd}) ends the process in peace`,
    scriptOf(`
      process.on('exit', (code) => console.log('exit', code, process.connected));
      try { cp._forkChild(${fd}, 'json'); } catch (error) { console.log(error); }`),
  );
}
