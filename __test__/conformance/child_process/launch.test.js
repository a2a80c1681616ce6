'use strict';

// From spawn() to 'spawn': nothing comes in between, and whatever the program does then, the process is there. The first launch of
// a program and later ones go different ways here: each is tried twice.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { compare, compareCall, scriptOf } = require('./compare');

const PAIRS = 200;
const CHILDREN = 60;

compare(
  'the first of two children gives nothing before the second has its spawn event',
  async (module, log) => {
    const whole = new Set();
    for (let pair = 0; pair < PAIRS; pair++) whole.add(await pipeOneIntoTheOther(module));
    log([...whole]);
  },
);

// A listener for 'data' is there from the start, another, by pipe(), when both are known to run.
async function pipeOneIntoTheOther({ spawn }) {
  const first = spawn('printf', ['line']);
  first.stdout.on('data', () => {});
  const second = spawn('cat');
  let output = '';
  second.stdout.on('data', (data) => (output += data));
  await Promise.all([once(first, 'spawn'), once(second, 'spawn')]);
  first.stdout.pipe(second.stdin);
  await once(second, 'close');
  return output;
}

compare('no event of any child comes between a spawn() and its spawn event', async (module, log) => {
  const underWay = new Set();
  let early = 0;
  const note = () => (early += underWay.size);
  const startOne = () => {
    const child = module.spawn('sh', ['-c', 'echo out; echo err >&2']);
    underWay.add(child);
    child.on('spawn', () => underWay.delete(child));
    for (const stream of [child.stdout, child.stderr]) {
      for (const name of ['data', 'end', 'close']) stream.on(name, note);
    }
    return new Promise((resolve) => {
      child.on('exit', () => {
        note();
        resolve();
      });
    });
  };
  let left = CHILDREN;
  const lane = async () => {
    while (left-- > 0) await startOne();
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  log({ early });
});

compare('the spawn event comes in the next tick, ahead of everything of the loop', async (module, log) => {
  for (const round of ['first', 'again']) {
    const child = module.spawn('true', { stdio: 'ignore' });
    log(round, typeof child.pid, Object.getOwnPropertyDescriptor(child, 'pid').writable);
    setImmediate(() => log('immediate'));
    child.on('spawn', () => log('spawn'));
    process.nextTick(() => log('tick'));
    Promise.resolve().then(() => log('promise'));
    process.kill(child.pid, 0);
    // It may close within the turn.
    const closed = once(child, 'close');
    await new Promise(setImmediate);
    await closed;
  }
});

// Each in a process that has started the program before, or not.
const beginnings = {
  'for the first time': '',
  'once more': `cp.spawnSync('sh', ['-c', 'exit']); await once(cp.spawn('sh', ['-c', 'exit']), 'close');`,
};

const endings = {
  'process.exit()': 'process.exit(3);',
  'SIGKILL to itself': "process.kill(process.pid, 'SIGKILL');",
  'process.abort()': 'process.abort();',
  'an exception': "throw new Error('end');",
};

// The program's output ends when the child has ended, too.
for (const [when, before] of Object.entries(beginnings)) {
  for (const [ending, end] of Object.entries(endings)) {
    compareCall(
      `a child that was started ${when} outlives ${ending} right after spawn()`,
      scriptOf(
        `const { once } = require('node:events');
        process.on('uncaughtException', () => process.exit(4));
        (async () => {
          ${before}
          cp.spawn('sh', ['-c', 'sleep 0.1; echo started'], { stdio: ['ignore', 'inherit', 'ignore'] });
          ${end}
        })().catch((error) => process.nextTick(() => { throw error; }));`,
        [],
        { stdio: ['ignore', 'pipe', 'ignore'] },
      ),
    );
  }

  const unreferenced = (name, source) =>
    compareCall(
      `${name}, unref() right after spawn(), ${when}`,
      scriptOf(`const { once } = require('node:events');
        const say = (text) => require('node:fs').writeSync(1, \`\${text}\\n\`);
        (async () => {
          ${before}
          ${source}
        })();`),
    );

  unreferenced(
    "'spawn' comes",
    `const child = cp.spawn('sh', ['-c', 'exit'], { stdio: 'ignore', detached: true });
    child.unref();
    child.on('spawn', () => say('spawn'));
    await once(child, 'spawn');
    say('after it');`,
  );
  unreferenced(
    'output through a pipe is read to its end',
    `const child = cp.spawn('sh', ['-c', 'sleep 0.1; printf hello']);
    child.unref();
    child.stdout.on('data', (data) => say(data));
    child.stdout.on('end', () => say('end'));`,
  );
  unreferenced(
    'what was written to stdin arrives',
    `const child = cp.spawn('sh', ['-c', 'cat'], { stdio: ['pipe', 'inherit', 'inherit'] });
    child.unref();
    child.stdin.end('x'.repeat(1 << 20));`,
  );
  unreferenced(
    'a message arrives',
    `const script = 'setTimeout(() => process.send("ready"), 50)';
    const child = cp.spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    child.unref();
    child.on('message', say);`,
  );
}

compareCall(
  'a child of a worker that ends right after spawn() is started',
  scriptOf(`const { Worker } = require('node:worker_threads');
    const source = \`require(\${JSON.stringify(modulePath)}).spawn('sh', ['-c', 'sleep 0.1; echo started'],
      { stdio: ['ignore', 1, 'ignore'] }); process.exit();\`;
    let left = 3;
    (function next() {
      if (left-- > 0) new Worker(source, { eval: true }).on('exit', next);
      else process.exit();
    })();`),
);

compare('what only the kernel refuses is thrown or reported as ever', async (module, log, t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-'));
  t.after(() => fs.rmSync(directory, { recursive: true, force: true }));
  const script = (name, text) => {
    const file = path.join(directory, name);
    fs.writeFileSync(file, text, { mode: 0o755 });
    return file;
  };

  const busy = script('busy', '#!/bin/sh\n');
  const writer = fs.openSync(busy, 'r+');
  try {
    module.spawn(busy);
    log('started');
  } catch ({ code, syscall }) {
    log(code, syscall);
  }
  fs.closeSync(writer);
  const [code] = await once(module.spawn(busy), 'exit');
  log('then', code);

  const child = module.spawn(script('lost', '#!/nowhere/at/all\n'));
  child.on('spawn', () => log('spawn'));
  log(child.pid);
  const [error] = await once(child, 'error');
  log(error.code);
  assert.equal(child.stdout.destroyed, false);
  await once(child, 'close');
});

const killed = { ENOBUFS: { maxBuffer: 1000 }, ETIMEDOUT: { timeout: 30 } };
for (const [code, options] of Object.entries(killed)) {
  compare(
    `spawnSync with ${code}: the child is ended by the signal, never by the end of its input`,
    (module, log) => {
      const ends = new Set();
      // The time runs out while `cat` waits for its output to be read, or for us.
      const [file, args] = code === 'ENOBUFS' ? ['cat', []] : ['sh', ['-c', 'cat; exec sleep 1000']];
      for (let run = 0; run < 20; run++) {
        const { status, signal, error } = module.spawnSync(file, args, {
          ...options,
          input: Buffer.alloc(1 << 20),
        });
        ends.add(`${status}/${signal}/${error?.code}`);
      }
      log([...ends]);
    },
  );
}
