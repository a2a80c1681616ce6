'use strict';

const { AsyncLocalStorage } = require('node:async_hooks');
const diagnosticsChannel = require('node:diagnostics_channel');
const { once } = require('node:events');
const { constants } = require('node:os');
const { text } = require('node:stream/consumers');
const { inspect } = require('node:util');

const { compare, compareCall, logEvents, outputsOf, scriptOf } = require('./compare');

const nodeMajor = Number.parseInt(process.versions.node, 10);

compare('the events and properties of a child that exits', async ({ spawn }, log) => {
  const child = spawn('sh', ['-c', 'exit 5']);
  log(
    typeof child.pid,
    child.connected,
    child.killed,
    child.exitCode,
    child.signalCode,
    child.spawnfile,
    child.spawnargs,
  );
  await logEvents(child, log);
  log(
    child.exitCode,
    child.signalCode,
    typeof child.pid,
    child.killed,
    child.kill(),
    child.kill(0),
    child.killed,
  );
});

for (const [name, number] of Object.entries(constants.signals)) {
  if (
    [
      'SIGKILL',
      'SIGTERM',
      'SIGHUP',
      'SIGABRT',
      'SIGIOT',
      'SIGUSR1',
      'SIGIO',
      'SIGPOLL',
      'SIGSTKFLT',
    ].includes(name)
  ) {
    compare(`killed with ${name}`, async ({ spawn }, log) => {
      const child = spawn('sleep', ['1000']);
      log(child.kill(name), child.killed);
      await logEvents(child, log);
      log(child.signalCode, child.exitCode);
    });
    compare(`killed with the number of ${name}`, async ({ spawn }, log) => {
      const child = spawn('sleep', ['1000']);
      log(child.kill(number), child.killed);
      await logEvents(child, log);
    });
  }
}

compare('kill(0) only asks', async ({ spawn }, log) => {
  const child = spawn('cat');
  log(child.kill(0), child.killed);
  child.stdin.end();
  await logEvents(child, log);
});

compare('unknown signals', ({ spawn }, log) => {
  const child = spawn('true');
  for (const signal of ['SIGNONE', 'sigterm', -1, 1000, 1.5, {}, null, '']) {
    try {
      log(child.kill(signal));
    } catch (error) {
      log(error);
    }
  }
});

compare('a child disposed of is killed', async ({ spawn }, log) => {
  const child = spawn('sleep', ['1000']);
  child[Symbol.dispose ?? Symbol.for('SymbolDispose')]();
  await logEvents(child, log);
  log(child.killed);
});

compare('close comes when a grandchild has let go of the pipe', async ({ spawn }, log) => {
  const child = spawn('sh', ['-c', '(sleep 0.05; echo late) & echo early']);
  const output = outputsOf(child);
  await logEvents(child, log, ['exit', 'close']);
  log(await output);
});

compare('output that nobody reads does not keep close from coming', async ({ spawn }, log) => {
  await logEvents(spawn('head', ['-c', '100000', '/dev/zero']), log);
});

compare('spawn comes before every output', async ({ spawn }, log) => {
  const child = spawn('echo', ['x']);
  child.stdout.once('data', () => log('data'));
  await logEvents(child, log, ['spawn', 'close']);
});

// By the time of 'spawn', which ours emits later, the list is the user's.
for (const [name, change] of [
  ['an entry of stdio replaced', (child) => (child.stdio[1] = null)],
  ['stdio replaced', (child) => (child.stdio = [])],
  ['stdio emptied', (child) => (child.stdio.length = 0)],
  ['stdio taken away', (child) => (child.stdio = null)],
]) {
  compare(`output and close come with ${name}`, async ({ spawn }, log) => {
    const child = spawn('echo', ['hello']);
    const { stdout } = child;
    change(child);
    log(await Promise.all([once(child, 'exit'), once(child, 'close'), text(stdout)]));
  });
}

compareCall(
  'an unreferenced child and unread streams let the process end',
  scriptOf(`
  const child = cp.spawn('sleep', ['0.2']);
  child.on('exit', () => console.log('waited'));
  child.unref(); child.stdin.unref(); child.stdout.unref(); child.stderr.unref();
  console.log(child.ref.length, child.ref(), child.unref());`),
);

compareCall(
  'a referenced child keeps the process',
  scriptOf(`
  const child = cp.spawn('sleep', ['0.05'], { stdio: 'ignore' });
  child.on('exit', () => console.log('waited'));
  child.unref(); child.ref();`),
);

compareCall(
  'an error without a listener is thrown',
  scriptOf(`
  process.on('uncaughtException', (error, origin) => console.log(error.code, error.message, origin));
  cp.spawn('oxipc-missing');`),
);

compareCall(
  'an exception in a listener is uncaught and stops nothing',
  scriptOf(`
  process.on('uncaughtException', (error, origin) => console.log(error.message, origin));
  const child = cp.spawn('echo', ['x']);
  child.on('exit', () => { throw new Error('in exit'); });
  child.stdout.on('data', () => { throw new Error('in data'); });
  child.on('close', () => console.log('close'));`),
);

const programs = require.resolve('./child-programs');
for (const [event, call, log] of [
  ['spawn', "spawn('echo', ['x'])"],
  ['exit', "spawn('echo', ['x'])"],
  ['close', "spawn('echo', ['x'])"],
  ['error', "spawn('oxipc-missing')"],
  // Its end is seen before or after that of the process.
  ['disconnect', `fork(${JSON.stringify(programs)}, ['report'])`, ['spawn', 'close']],
]) {
  compareCall(
    `what follows after an exception in '${event}'`,
    scriptOf(`
    process.on('uncaughtException', (error) => console.log('uncaught', error.message));
    const child = cp.${call};
    child.stdout?.on('data', (chunk) => console.log(String(chunk)));
    child.on('${event}', () => { throw new Error('in ${event}'); });
    for (const name of ${JSON.stringify(log ?? ['spawn', 'exit', 'close', 'error'])})
      child.on(name, (...facts) => console.log(name, facts.map(String)));`),
  );
}

compare('AsyncLocalStorage is kept in every event', async ({ spawn, exec }, log) => {
  const storage = new AsyncLocalStorage();
  await storage.run('context', async () => {
    const child = spawn('sh', ['-c', 'echo out; echo err >&2']);
    for (const event of ['spawn', 'exit', 'close']) child.on(event, () => log(event, storage.getStore()));
    const seen = { stdout: [], stderr: [] };
    for (const name of ['stdout', 'stderr']) {
      for (const event of ['data', 'end', 'close']) {
        child[name].on(event, () => seen[name].push(event, storage.getStore()));
      }
    }
    await once(child, 'close');
    log(seen);
    await new Promise((resolve) => exec('true', () => resolve(log('exec', storage.getStore()))));
  });
});

// Whoever waits for a launch does so in a context of its own.
for (const [name, ask] of [
  ['pid', (child, log) => log(typeof child.pid)],
  ['kill', (child, log) => log(child.kill())],
]) {
  compare(`events come in the context of spawn although another asked: ${name}`, async ({ spawn }, log) => {
    const storage = new AsyncLocalStorage();
    const child = storage.run('of spawn', () => spawn('sleep', ['1000']));
    for (const event of ['spawn', 'exit']) child.on(event, () => log(event, storage.getStore()));
    storage.run('of the caller', () => ask(child, log));
    if (name === 'pid') child.kill();
    await once(child, 'exit');
  });
}

compare('a launch that fails late does so in the context of spawn', async ({ spawn }, log) => {
  const storage = new AsyncLocalStorage();
  const child = storage.run('of spawn', () => spawn('/'));
  child.on('error', ({ code }) => log(code, storage.getStore()));
  storage.run('of the caller', () => log(child.pid));
  await once(child, 'close');
});

for (const restrict of ['preventExtensions', 'seal', 'freeze']) {
  compareCall(
    `pid and spawn of a child after Object.${restrict}`,
    scriptOf(`
    'use strict';
    const child = Object.${restrict}(cp.spawn('true', { stdio: 'ignore' }));
    // A frozen child cannot have its exit code.
    process.on('uncaughtException', ({ message }) => console.log(message));
    child.on('spawn', () => console.log('spawn'));
    try {
      console.log(typeof child.pid, typeof require('util').inspect(child));
      child.pid = 5;
      console.log(child.pid);
    } catch (error) {
      console.log(String(error));
    }`),
  );
}

compare('an inspected child keeps the pid that its user has given it', async ({ spawn }, log) => {
  for (const descriptor of [{ value: 9, writable: false }, { get: () => 11 }, { value: undefined }]) {
    const child = spawn('true', { stdio: 'ignore' });
    Object.defineProperty(child, 'pid', { configurable: true, ...descriptor });
    log(child.pid, inspect(child).includes('pid: '), child.pid);
    await once(child, 'close');
  }
});

compare("a subclass's own pid", ({ ChildProcess }, log) => {
  const options = () => ({ file: 'true', args: ['true'], stdio: 'ignore' });
  class Told extends ChildProcess {
    set pid(value) {
      log('told', typeof value);
    }
  }
  new Told().spawn(options());
  class Fixed extends ChildProcess {
    get pid() {
      return 5;
    }
  }
  new Fixed().spawn(options());
});

compare('the diagnostics channel tells of each child', async ({ spawn, ChildProcess }, log) => {
  const seen = ({ process }) => log(process instanceof ChildProcess, process.spawnfile);
  diagnosticsChannel.subscribe('child_process', seen);
  await once(spawn('true'), 'close');
  diagnosticsChannel.unsubscribe('child_process', seen);
});

compare(
  'the tracing channel tells of start, end and error',
  async ({ spawn }, log) => {
    const handlers = {};
    for (const name of ['start', 'end', 'error']) {
      handlers[name] = (message) => log(name, Object.keys(message), message.process.spawnfile, message.error);
    }
    const channel = diagnosticsChannel.tracingChannel('child_process.spawn');
    channel.subscribe(handlers);
    await once(spawn('true'), 'close');
    await once(spawn('oxipc-missing'), 'error');
    await once(spawn('/'), 'error');
    try {
      spawn('/etc/passwd/x');
    } catch (error) {
      log(error);
    }
    channel.unsubscribe(handlers);
  },
  { skip: nodeMajor < 24 && 'node has it from 24 on' },
);

compareCall(
  'the async_hooks types of a child',
  scriptOf(`
  const types = [];
  require('async_hooks').createHook({ init: (id, type) => { if (/PROCESS|PIPEWRAP/.test(type)) types.push(type); } }).enable();
  const child = cp.spawn('cat');
  console.log([...new Set(types)].sort());
  child.stdin.end();`),
);

compareCall(
  "a 'spawn' listener that throws keeps neither output nor the end of stdin from being told",
  scriptOf(`
  process.on('uncaughtException', ({ message }) => console.log(message));
  const child = cp.spawn('cat');
  child.on('spawn', () => { throw new Error('mine'); });
  for (const event of ['prefinish', 'finish']) child.stdin.on(event, () => console.log(event));
  child.stdout.on('data', (chunk) => console.log(String(chunk)));
  child.on('close', (...a) => console.log(a));
  child.stdin.end('x');`),
);

compareCall(
  'a child in a worker thread',
  scriptOf(`
  const { Worker } = require('worker_threads');
  new Worker(\`
    const cp = require(\${JSON.stringify(modulePath)});
    const child = cp.spawn('sh', ['-c', 'echo from a worker; exit 3']);
    child.stdout.on('data', (chunk) => console.log(String(chunk)));
    child.on('close', (...a) => console.log(a, cp.execSync('echo sync') + ''));
  \`, { eval: true }).on('exit', (code) => console.log('worker', code));`),
);

const restricted = [
  nodeMajor < 22 ? '--experimental-permission' : '--permission',
  '--allow-fs-read=*',
  '--no-warnings',
];
if (nodeMajor >= 22) restricted.push('--allow-addons');

compareCall(
  'without --allow-child-process every function is refused',
  scriptOf(
    `for (const call of ['spawn', 'spawnSync', 'execFile', 'execSync', 'fork']) {
      try { cp[call]('true'); } catch (error) { console.log(call, error.code, error.permission, error.message); }
    }`,
    restricted,
  ),
  { skip: nodeMajor < 24 && 'no addons beside the permission model, or another text' },
);

compareCall(
  'the restrictions are passed on to a child',
  scriptOf(
    `const env = cp.spawnSync('/usr/bin/env', { env: { A: '1' }, encoding: 'utf8' }).stdout;
     console.log(env);`,
    [...restricted, '--allow-child-process'],
  ),
  { skip: nodeMajor < 24 && 'no addons beside the permission model, or no passing on' },
);

compareCall(
  '_forkChild makes a channel of a descriptor',
  scriptOf(`
  const program = 'require(' + JSON.stringify(modulePath) + ")._forkChild(3, 'json');" +
    "process.on('message', (message) => { process.send({ got: message }); process.disconnect(); });";
  const child = cp.spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
  child.stdio[3].on('data', (chunk) => console.log(String(chunk)));
  child.stdio[3].write('{"a":1}\\n');
  child.on('close', (...facts) => console.log(facts));`),
);
