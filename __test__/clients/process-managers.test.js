// Programs that start others, unchanged, with NODE_OPTIONS: theirs and the modules of what they start are ours.

const assert = require('node:assert/strict');
const { execFile, spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { before, test } = require('node:test');
const { promisify } = require('node:util');

const { ensurePackages } = require('../../scripts/setup/packages');

const packages = path.join(__dirname, 'node_modules');
const register = path.join(__dirname, '../../lib/register.js');
const served = path.join(__dirname, 'programs', 'served.js');
const LIMIT_MS = 60_000;

before(() => ensurePackages(path.join('__test__', 'clients')));

/** A temporary folder and an environment in which that folder's relative name of the register is in NODE_OPTIONS. */
function surroundings(t, stop) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-managers-')));
  t.after(async () => {
    await stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });
  fs.symlinkSync(register, path.join(folder, 'register.js'));
  const socket = path.join(folder, 'socket');
  const env = { ...process.env, NODE_OPTIONS: '--require ./register.js', TEST_SOCKET: socket };
  return { folder, env, socket };
}

/** What the program at that socket answers, once it has said that it is ready; the next one has to say so again. */
async function ask(socket) {
  const ready = `${socket}.ready`;
  const watcher = fs.watch(path.dirname(socket));
  while (!fs.existsSync(ready)) await once(watcher, 'change');
  watcher.close();
  fs.rmSync(ready);
  const connection = net.connect(socket);
  let text = '';
  for await (const chunk of connection.setEncoding('utf8')) text += chunk;
  return JSON.parse(text);
}

test('pm2: ping, start, list, restart, kill', async (t) => {
  const { folder, env, socket } = surroundings(t, () => pm2('kill'));
  const options = { cwd: folder, env: { ...env, PM2_HOME: path.join(folder, 'home') }, timeout: LIMIT_MS };
  const pm2 = async (...args) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [path.join(packages, 'pm2/bin/pm2'), ...args],
      options,
    );
    return stdout;
  };
  const list = async () => JSON.parse((await pm2('jlist')).split('\n').at(-1) || '[]');

  assert.match(await pm2('ping'), /pong/);
  await pm2('start', served, '--name', 'served', '--silent');
  const first = await ask(socket);
  const [entry] = await list();
  assert.deepEqual([entry.name, entry.pm2_env.status, entry.pid], ['served', 'online', first.pid]);
  assert.equal(first.ours, true);
  assert.match(await pm2('list'), /served/);

  await pm2('restart', 'served', '--silent');
  const second = await ask(socket);
  assert.notEqual(second.pid, first.pid);

  const daemon = Number(fs.readFileSync(path.join(folder, 'home', 'pm2.pid'), 'utf8'));
  assert.ok(
    fs.readFileSync(`/proc/${daemon}/maps`, 'utf8').includes('/lib/oxipc.'),
    'the daemon has our addon',
  );
  await pm2('kill');
  assert.throws(() => process.kill(second.pid, 0), { code: 'ESRCH' });
});

test('nodemon starts a program again when a file changes', async (t) => {
  const { folder, env, socket } = surroundings(t, () => nodemon.kill('SIGKILL'));
  const watched = path.join(folder, 'watched.js');
  fs.writeFileSync(watched, '');
  const args = [path.join(packages, 'nodemon/bin/nodemon.js'), '--watch', watched, '--delay', '10ms', served];
  const nodemon = spawn(process.execPath, args, { cwd: folder, env, stdio: 'ignore' });
  const ended = once(nodemon, 'exit');

  const first = await ask(socket);
  assert.equal(first.ours, true);
  fs.writeFileSync(watched, 'changed');
  const second = await ask(socket);
  assert.notEqual(second.pid, first.pid);
  assert.equal(second.ours, true);
  nodemon.kill('SIGINT');
  await ended;
  assert.throws(() => process.kill(second.pid, 0), { code: 'ESRCH' });
});

test('nano-spawn: results, pipes, lines, errors', async () => {
  const program = path.join(__dirname, 'programs', 'nano-spawn.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', register, program], {
    timeout: LIMIT_MS,
  });
  assert.deepEqual(JSON.parse(stdout), {
    stdout: 'out',
    piped: true,
    large: true,
    lines: ['a', 'b', 'c'],
    input: 'given',
    failed: [true, 3, 'no'],
    stopped: [true, 'SIGTERM'],
    ours: true,
  });
});
