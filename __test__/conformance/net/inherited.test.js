'use strict';

// Programs that were started with a socket: Node's net and ours make the same of it.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const { BoundSocket } = require('../../../lib/net');
const { needsAddon } = require('../../support/needs-addon');

const program = path.join(__dirname, 'programs', 'inherited.js');
const modules = { nodes: 'node:net', ours: path.join(__dirname, '../../../lib/net.js') };

// Runs the program with `fd` as its descriptor 3: the lines that it prints, and how it ends.
async function run(t, modulePath, scenario, fd, { afterStart = () => {}, args = [] } = {}) {
  const child = spawn(process.execPath, [program, modulePath, scenario, ...args], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
  });
  t.after(() => child.kill('SIGKILL'));
  afterStart();
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  // Two that crash would be alike, too.
  assert.deepEqual(await once(child, 'close'), [0, null]);
  return output.trim().split('\n');
}

// `withDescriptor(t, use)` provides a descriptor to `use` and returns what was seen.
function sameOn(name, scenario, withDescriptor, skip = false) {
  test(name, { timeout: 60_000, skip }, async (t) => {
    const seen = {};
    for (const [key, modulePath] of Object.entries(modules))
      seen[key] = await withDescriptor(t, (fd, options) => run(t, modulePath, scenario, fd, options));
    assert.deepEqual(seen.ours, seen.nodes);
  });
}

// A bound socket that nobody reads, as a supervisor has it.
const withBound = (options) => async (_t, use) => {
  const bound = new BoundSocket(options);
  try {
    return await use(bound.fd());
  } finally {
    bound.close();
  }
};

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'inherited-'));
process.on('exit', () => fs.rmSync(directory, { recursive: true, force: true }));
let serial = 0;

sameOn('listen({ fd }) on an inherited TCP socket', 'listen', withBound({ host: '127.0.0.1' }), needsAddon);
sameOn('listen({ fd }) on an inherited IPv6 socket', 'listen', withBound({ host: '::1' }), needsAddon);
sameOn(
  'listen({ fd }) on an inherited abstract UNIX socket',
  'listen',
  (t, use) => {
    const name = `inherited-${process.pid}-${serial++}`;
    return withBound({ path: `\0${name}` })(t, (fd) => use(fd, { args: [name] }));
  },
  needsAddon,
);
for (const scenario of ['refuse', 'adopt']) {
  sameOn(`a regular file as ${scenario === 'refuse' ? 'listener' : 'socket'}`, scenario, async (_t, use) => {
    const fd = fs.openSync(path.join(directory, 'file'), 'w+');
    try {
      return await use(fd);
    } finally {
      fs.closeSync(fd);
    }
  });
  sameOn(`nothing as ${scenario === 'refuse' ? 'listener' : 'socket'}`, scenario, (_t, use) => use('ignore'));
}

for (const scenario of ['socket', 'readOnly', 'writeOnly', 'neither']) {
  for (const kind of ['TCP', 'UNIX']) {
    sameOn(`an inherited ${kind} connection: ${scenario}`, scenario, async (t, use) => {
      const server = net.createServer({ pauseOnConnect: true });
      server.listen(
        kind === 'TCP' ? { port: 0, host: '127.0.0.1' } : path.join(directory, `socket${serial++}`),
      );
      await once(server, 'listening');
      const address = server.address();
      const client = net.connect(address.port ?? address);
      const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
      t.after(() => {
        client.destroy();
        accepted.destroy();
        server.close();
      });
      let received = '';
      // 'neither' leaves unread what it was sent.
      client.on('data', (chunk) => (received += chunk)).on('error', () => {});
      client.end('from the parent');
      const ended = new Promise((resolve) => client.once('close', resolve));
      const seen = await use(accepted._handle.fd, { afterStart: () => accepted.destroy() });
      await ended;
      server.close();
      return [seen, received];
    });
  }
}

test('the standard descriptors stay open when their sockets and servers close', {
  timeout: 60_000,
}, async (t) => {
  const seen = {};
  for (const [key, modulePath] of Object.entries(modules)) {
    const child = spawn(process.execPath, [program, modulePath, 'standard'], { stdio: 'pipe' });
    t.after(() => child.kill('SIGKILL'));
    let output = '';
    child.stderr.on('data', (chunk) => (output += chunk));
    await once(child, 'close');
    seen[key] = output.trim().split('\n');
  }
  assert.deepEqual(seen.ours, seen.nodes);
  assert.deepEqual(seen.nodes, ['0 true', '1 true']);
});
