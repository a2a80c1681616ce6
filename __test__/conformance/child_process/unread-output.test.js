'use strict';

// Output that nobody reads yet. Whether the child comes to its end, where the rest is thrown away, is for the room in its pipe to
// decide.

const fs = require('node:fs');
const { once } = require('node:events');
const { setImmediate: turn } = require('node:timers/promises');

const { compare, compareCall, scriptOf } = require('./compare');

// `head` sleeps only when its pipe is full.
async function writesNoMore(child) {
  while (child.exitCode === null && !/\) S /.test(fs.readFileSync(`/proc/${child.pid}/stat`, 'latin1')))
    await turn();
}

const startHead = ({ spawn }, size) =>
  spawn('head', ['-c', `${size}`, '/dev/zero'], { stdio: ['ignore', 'pipe', 'ignore'] });

for (const size of [300_000, 800_000]) {
  for (const isPaused of [false, true]) {
    compare(
      `${size} bytes that nobody reads${isPaused ? ', of a paused stream,' : ''} are there later`,
      async (module, log) => {
        const child = startHead(module, size);
        if (isPaused) child.stdout.pause();
        await once(child, 'spawn');
        await writesNoMore(child);
        log('ended with', child.exitCode);
        log(await restOf(child));
      },
    );
  }
}

for (const first of [1, 200_000]) {
  compare(`a stream that is paused after ${first} bytes loses nothing`, async (module, log) => {
    const child = startHead(module, 900_000);
    const length = await begin(child, first);
    await writesNoMore(child);
    log('ended with', child.exitCode);
    log(length + (await restOf(child)));
  });
}

compare('nor does one that is paused after megabytes', async (module, log) => {
  for (const left of [600_000, 1_000_000]) {
    const size = 5_000_000 + left;
    const child = startHead(module, size);
    const length = await begin(child, size - left);
    await writesNoMore(child);
    log(length + (await restOf(child)) === size);
  }
});

compareCall(
  'a child that nobody reads keeps us alive until it is ended',
  scriptOf(`const child = cp.spawn('head', ['-c', '300000', '/dev/zero']);
    child.on('exit', (...facts) => console.log(facts));
    child.stdout.pause();
    setTimeout(() => console.log('kill', child.kill()), 100);`),
);

// Reads so much, or a little more, and pauses.
function begin({ stdout }, size) {
  let length = 0;
  return new Promise((resolve) => {
    stdout.on('data', function take(data) {
      length += data.length;
      if (length < size) return;
      stdout.pause();
      stdout.off('data', take);
      resolve(length);
    });
  });
}

async function restOf(child) {
  let length = 0;
  child.stdout.on('data', (data) => (length += data.length));
  child.stdout.resume();
  await once(child, 'close');
  return length;
}
