'use strict';

// Node's permission model (--permission without --allow-net), by node:net and by ours.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const program = path.join(__dirname, 'programs', 'permission.js');
const ours = path.join(__dirname, '..', '..', '..', 'lib', 'net');
const { allowedNodeEnvironmentFlags: known } = process;

// The first release that has it.
const skip = !known.has('--allow-net') && 'this Node has no permission for the network';

let folder;
let servers;

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-permission-'));
  servers = [net.createServer().listen(0, '127.0.0.1'), net.createServer().listen(path.join(folder, 's'))];
  await Promise.all(servers.map((server) => once(server, 'listening')));
});
after(() => {
  for (const server of servers) server.close();
  fs.rmSync(folder, { recursive: true });
});

async function logOf(module, flags) {
  const descriptors = servers.map((server) => server._handle.fd);
  const child = spawn(process.execPath, ['--no-warnings', ...flags, program, module], {
    // Of relative paths.
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit', ...descriptors, 'pipe'],
  });
  child.stdio[5].on('error', () => {});
  child.stdout.setEncoding('utf8');
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  await once(child, 'close');
  return output.trim().split('\n').map(JSON.parse);
}

async function bothDoTheSame(flags) {
  const [nodes, our] = [await logOf('node:net', flags), await logOf(ours, flags)];
  assert.deepEqual(our, nodes);
  return our;
}

test('without --allow-net everything is refused as by node:net', { skip }, async () => {
  const attempts = await bothDoTheSame(['--permission', '--allow-addons', '--allow-fs-read=*']);
  assert.ok(attempts.length > 30);
  const isRefused = ({ log }) => JSON.stringify(log).includes('ERR_ACCESS_DENIED');
  assert.deepEqual(
    attempts.filter((one) => !isRefused(one)).map(({ name }) => name),
    ['listen(no descriptor)', 'connect(blocked address)', 'a connected descriptor'],
  );
});

test('--permission-audit reports and refuses nothing', { skip }, async () => {
  // What was reported. How many turns a look-up takes is its own affair; for the mode of a file Node asks once more.
  const reports = (attempts) =>
    attempts
      .filter(({ name }) => !/name\)|\(port\)|readable\)$/.test(name))
      .map(({ name, log }) => [name, log.filter(([, what]) => what === 'published')]);
  const flags = ['--permission-audit'];
  const [nodes, our] = [await logOf('node:net', flags), await logOf(ours, flags)];
  assert.deepEqual(reports(our), reports(nodes));
  assert.doesNotMatch(JSON.stringify(our), /ERR_ACCESS_DENIED/);
});
