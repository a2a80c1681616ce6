'use strict';

// Pipes between children, and pipes beyond the third.

const { AsyncLocalStorage } = require('node:async_hooks');
const nodeChildProcess = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const { execPath } = require('node:process');
const { text } = require('node:stream/consumers');

const { compare, compareCall, outputsOf } = require('./compare');

const UPPERCASE = ['tr', ['a-z', 'A-Z']];

/** `first | second`; the second reads only when the first has exited, and has got its stream from `give`. */
async function pipeline(log, first, second, give = (stream) => stream) {
  const source = first.spawn('sh', ['-c', 'echo from the first; echo to stderr >&2']);
  const sink = second.spawn('sh', ['-c', 'read go <&3; tr a-z A-Z'], {
    stdio: [give(source.stdout), 'pipe', 'pipe', 'pipe'],
  });
  const output = outputsOf(sink);
  log('source', await Promise.all([once(source, 'exit'), text(source.stderr)]));
  sink.stdio[3].end('go\n');
  log('sink', await output);
  log(source.stdout.bytesRead, source.stdout.readableFlowing, source.stdout.destroyed);
  // We hold it open still.
  source.stdout.destroy();
  log('closed', await once(source, 'close'));
}

compare("another child's stdout as stdin", (module, log) => pipeline(log, module, module));
compare("a stdout of node's child_process", (module, log) => pipeline(log, nodeChildProcess, module));

compare("a stdout given to node's child_process", (module, log) => pipeline(log, module, nodeChildProcess));

compare("a stdout's descriptor given to node's child_process", async (module, log) => {
  const source = module.spawn('sh', ['-c', 'echo from the first; read end']);
  // Whoever gives away a bare descriptor must stop reading it.
  source.stdout._handle.readStop();
  const sink = nodeChildProcess.spawn('head', ['-n', '1'], {
    stdio: [source.stdout._handle, 'pipe', 'pipe'],
  });
  log(await outputsOf(sink));
  source.stdin.end();
  log(await once(source, 'exit'), source.stdout.bytesRead);
  source.stdout.destroy();
  log('closed', await once(source, 'close'));
});

for (const [name, sinkOf] of [
  ["another child's stdin as stdout", (module) => module],
  ["a stdin of node's child_process as stdout", () => nodeChildProcess],
]) {
  compare(name, async (module, log) => {
    const sink = sinkOf(module).spawn(...UPPERCASE);
    const output = outputsOf(sink);
    const source = module.spawn('echo', ['from the first'], { stdio: ['ignore', sink.stdin, 'pipe'] });
    log(await once(source, 'exit'));
    // It is ours to write to, after the child.
    sink.stdin.end('and ours');
    log(await output);
  });
}

const COUNT = 10;
const extra = (what) => ['ignore', 'pipe', 'pipe', ...Array(COUNT).fill(what)];

for (const what of ['pipe', 'overlapped']) {
  compare(`${COUNT} more of '${what}', both ways`, async ({ spawn }, log) => {
    const program = `
      const fs = require('node:fs');
      for (let fd = 3; fd < ${3 + COUNT}; fd++) {
        fs.writeSync(fd, fd + ' got ' + fs.readFileSync(fd));
      }`;
    const child = spawn(execPath, ['-e', program], { stdio: extra(what) });
    const pipes = child.stdio.slice(3);
    const answers = Promise.all(pipes.map((pipe) => text(pipe)));
    // The last one first: the child takes them in their order.
    [...pipes].reverse().forEach((pipe, index) => pipe.end(`text ${index}`));
    log(await outputsOf(child), await answers);
    log(child.stdio.map((stream) => stream && [stream.readable, stream.writable, stream.destroyed]));
  });
}

compare('more than a pipe holds, both ways at once', async ({ spawn }, log) => {
  const child = spawn('sh', ['-c', 'cat <&3 >&3 & cat <&4 >&4 & wait'], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  const sent = ['a', 'b'].map((letter) => letter.repeat(2_000_000));
  const echoes = child.stdio.slice(3).map((pipe, index) => text(pipe.end(sent[index])));
  log(await outputsOf(child));
  (await Promise.all(echoes)).forEach((echo, index) => log(echo.length, echo === sent[index]));
});

compareCall(`spawnSync with ${COUNT} more pipes`, ({ spawnSync }) => {
  const program = `for (let fd = 3; fd < ${3 + COUNT}; fd++) require('node:fs').writeSync(fd, 'from ' + fd)`;
  const { status, output } = spawnSync(execPath, ['-e', program], { stdio: extra('pipe'), encoding: 'utf8' });
  return [status, output];
});

compare('what lies between pipes is closed', async ({ spawn }, log) => {
  const open = 'for fd in 3 4 5 6 7; do [ -e /proc/$$/fd/$fd ] && echo $fd; done; true';
  const stdio = ['ignore', 'pipe', 'pipe', null, 'pipe', undefined, 'ignore', 'pipe'];
  const child = spawn('sh', ['-c', open], { stdio });
  log(child.stdio.map((stream) => stream === null));
  log(await outputsOf(child));
});

compare('an end of stdin is heard of, however quickly the child has ended', async ({ spawn }, log) => {
  const storage = new AsyncLocalStorage();
  for (let count = 0; count < 10; count++) {
    const child = storage.run('of spawn', () => spawn('true'));
    for (const event of ['prefinish', 'finish']) {
      child.stdin.on(event, () => log(event, storage.getStore()));
    }
    storage.run('of end', () => child.stdin.end());
    // The child runs, and has ended when the event loop sees it.
    log(typeof child.pid);
    while (!fs.readFileSync(`/proc/${child.pid}/stat`, 'latin1').includes(') Z '));
    await once(child, 'close');
  }
});

compare("an end of stdin is heard of behind 'spawn' and ahead of setImmediate", async ({ spawn }, log) => {
  const watched = (...program) => {
    const child = spawn(...program);
    child.on('spawn', () => log('spawn'));
    for (const event of ['prefinish', 'finish']) child.stdin.on(event, () => log(event));
    return child;
  };
  const endNow = (child) => {
    child.stdin.end();
    setImmediate(log, 'immediate');
  };
  const atOnce = watched('true');
  atOnce.stdin.end();
  await once(atOnce, 'close');
  const atStart = watched('true');
  atStart.on('spawn', () => endNow(atStart));
  await once(atStart, 'close');
  const atOutput = watched('cat');
  atOutput.stdin.write('x');
  atOutput.stdout.on('data', () => endNow(atOutput));
  await once(atOutput, 'close');
});

for (const program of ['/oxipc-missing', '/']) {
  compare(`no end of stdin is heard of when there was no child (${program})`, async ({ spawn }, log) => {
    const child = spawn(program);
    child.on('error', ({ code }) => log(code));
    for (const event of ['prefinish', 'finish', 'close']) child.stdin.on(event, () => log(event));
    child.stdin.end();
    await once(child, 'close');
  });
}
