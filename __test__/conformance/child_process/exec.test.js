'use strict';

const { promisify } = require('node:util');

const { compare, compareCall, scriptOf } = require('./compare');

const callback = (log, resolve) => (error, stdout, stderr) => {
  log(error, stdout, stderr);
  resolve();
};

const exec = (name, command, options, testOptions) =>
  compare(
    name,
    async ({ exec }, log) => {
      await new Promise((resolve) => exec(command, options, callback(log, resolve)));
    },
    testOptions,
  );

const execFile = (name, file, args, options) =>
  compare(name, async ({ execFile }, log) => {
    await new Promise((resolve) => execFile(file, args, options, callback(log, resolve)));
  });

exec('exec gives both outputs as text', 'echo out; echo err >&2', {});
exec('exec of a command that fails', 'echo out; echo err >&2; exit 3', {});
exec('exec of a command that dies of a signal', 'kill -9 $$', {});
exec('exec of a missing command', 'oxipc-missing', {});
exec('exec in another directory', 'pwd', { cwd: '/usr' });
exec('exec in a missing directory', 'pwd', { cwd: '/oxipc-missing' });
exec('exec with an environment', '/usr/bin/env', { env: { A: '1' } });
exec('exec with a shell of choice', 'echo $0', { shell: '/bin/sh' });
exec('exec with a missing shell', 'echo $0', { shell: '/oxipc-missing' });
exec('exec with shell: false still uses one', 'echo $0', { shell: false });
exec('exec that takes too long', 'exec sleep 1000', { timeout: 20 });
exec('exec that takes too long, with killSignal', 'exec sleep 1000', { timeout: 20, killSignal: 'SIGKILL' });
exec('exec with a timeout that does not expire', 'echo out', { timeout: 100_000 });
exec('exec with an aborted signal', 'echo out', { signal: AbortSignal.abort('why') });

for (const encoding of [
  'utf8',
  'utf-8',
  'latin1',
  'hex',
  'base64',
  'ucs2',
  'ascii',
  'buffer',
  null,
  undefined,
  'unknown',
  '',
]) {
  exec(`exec with encoding ${encoding}`, "printf '\\303\\244\\342\\202\\254x'; printf err >&2", { encoding });
}

const MIB = 1024 * 1024;
const zeros = (count) => `head -c ${count} /dev/zero | tr '\\0' x`;
exec('maxBuffer: exactly the default', zeros(MIB), {});
exec('maxBuffer: one more than the default', zeros(MIB + 1), {});
exec('maxBuffer: a stated one', zeros(100), { maxBuffer: 10 });
exec('maxBuffer: 0', 'echo x', { maxBuffer: 0 });
exec('maxBuffer: 0 without output', 'true', { maxBuffer: 0 });
exec('maxBuffer: Infinity', zeros(3 * MIB), { maxBuffer: Infinity });
exec('maxBuffer: undefined is none', zeros(2 * MIB), { maxBuffer: undefined });
exec('maxBuffer: null', 'echo x', { maxBuffer: null });
exec('maxBuffer: of stderr', `${zeros(100)} >&2`, { maxBuffer: 10 });
exec('maxBuffer: counted in bytes, cut at characters', "printf 'ääääääää'", { maxBuffer: 5 });
exec('maxBuffer: of Buffers', zeros(100), { maxBuffer: 10, encoding: 'buffer' });

execFile('execFile', 'echo', ['a', 'b']);
execFile('execFile that fails', 'sh', ['-c', 'echo err >&2; exit 4'], {});
execFile('execFile of a missing file', '/oxipc-missing', ['a'], {});
execFile('execFile with a shell', 'echo $0', [], { shell: true });
execFile('execFile of a script by URL-like options', 'sh', ['-c', 'echo $0'], { argv0: 'ignored' });

compare('execFile in each form of its arguments', async ({ execFile }, log) => {
  await new Promise((resolve) => execFile('echo', callback(log, resolve)));
  await new Promise((resolve) => execFile('echo', ['a'], callback(log, resolve)));
  await new Promise((resolve) => execFile('echo', { encoding: 'buffer' }, callback(log, resolve)));
  await new Promise((resolve) => execFile('echo', null, { encoding: 'hex' }, callback(log, resolve)));
  await new Promise((resolve) => execFile('echo', undefined, null, callback(log, resolve)));
  await new Promise((resolve) => execFile('echo', ['a'], undefined, callback(log, resolve)));
});

compare('exec in each form of its arguments', async ({ exec }, log) => {
  await new Promise((resolve) => exec('echo', callback(log, resolve)));
  await new Promise((resolve) => exec('echo', null, callback(log, resolve)));
  await new Promise((resolve) => exec('echo', undefined, callback(log, resolve)));
});

compare('without a callback nothing is thrown for a failing command', async ({ exec }, log) => {
  const child = exec('exit 1');
  await new Promise((resolve) => child.on('close', (...facts) => resolve(log(facts))));
});

compare('an encoding set on the stream decides', async ({ exec }, log) => {
  await new Promise((resolve) => {
    exec("printf 'ä'", { encoding: 'buffer' }, callback(log, resolve)).stdout.setEncoding('utf8');
  });
});

for (const name of ['exec', 'execFile']) {
  compare(`promisified ${name}: success`, async (module, log) => {
    const promise = promisify(module[name])('echo');
    log(promise.child instanceof module.ChildProcess, Object.keys(promise));
    log(await promise);
  });
  compare(`promisified ${name}: failure`, async (module, log) => {
    const options =
      name === 'exec' ? [{ encoding: 'buffer' }] : [['-c', 'echo out; exit 2'], { encoding: 'buffer' }];
    log(
      await promisify(module[name])(name === 'exec' ? 'echo out; exit 2' : 'sh', ...options).catch(
        (error) => error,
      ),
    );
  });
  compare(`promisified ${name}: wrong arguments are thrown`, (module, log) => {
    try {
      promisify(module[name])('true', { signal: 'no signal' }).catch(() => {});
    } catch (error) {
      log(error);
    }
  });
  compare(`promisified ${name}: aborted`, async (module, log) => {
    const controller = new AbortController();
    const promise = promisify(module[name])('cat', { signal: controller.signal });
    controller.abort();
    log(await promise.catch((error) => error));
  });
}

compareCall(
  'exec goes through the exported execFile',
  scriptOf(`
  cp.execFile = (...args) => console.log(args.length, args[0], typeof args[1], typeof args[2]);
  cp.exec('true', () => {});`),
);

compare('kill() before the end shows in the error', async ({ exec }, log) => {
  await new Promise((resolve) => {
    const child = exec('exec sleep 1000', callback(log, resolve));
    child.on('spawn', () => child.kill('SIGINT'));
  });
});
