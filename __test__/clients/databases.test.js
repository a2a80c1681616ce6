// Clients of databases, unchanged, on our sockets (`node --import oxipc/register`): over a UNIX socket, and over TCP through
// a server of ours that passes everything on.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { before, test } = require('node:test');
const { pathToFileURL } = require('node:url');

const net = require('../../lib/net');
const { ensurePackages } = require('../../scripts/setup/packages');
const postgres = require('../../scripts/test-servers/postgres');
const redis = require('../../scripts/test-servers/redis');

const register = pathToFileURL(path.join(__dirname, '../../lib/register.js')).href;
const LIMIT_MS = 120_000;

before(() => ensurePackages(path.join('__test__', 'clients')));

function run(program, ...args) {
  const file = path.join(__dirname, 'programs', program);
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      ['--import', register, file, ...args],
      { timeout: LIMIT_MS },
      (error, stdout) => {
        if (error) reject(error);
        else resolve(JSON.parse(stdout));
      },
    );
  });
}

// Passes connections on to a UNIX socket; resolves with its port.
async function forward(t, target) {
  const open = new Set();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const other = net.connect({ path: target, allowHalfOpen: true });
    for (const end of [socket, other]) {
      open.add(end);
      end
        .on('close', () => open.delete(end))
        .on('error', () => [socket, other].map((each) => each.destroy()));
    }
    socket.pipe(other);
    other.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const end of open) end.destroy();
  });
  return String(server.address().port);
}

test('ioredis works, pipelines, subscribes and reconnects', { skip: redis.missing() }, async (t) => {
  const server = await redis.startRedis();
  t.after(() => server.stop());
  assert.deepEqual(await run('ioredis.js', server.path, await forward(t, server.path)), {
    UNIX: 10_000,
    'UNIX is ours': true,
    TCP: 10_000,
    'TCP is ours': true,
  });
});

test('pg works, queues, listens and pools', { skip: postgres.missing() }, async (t) => {
  const server = await postgres.startPostgres();
  t.after(() => server.stop());
  const port = await forward(t, path.join(server.folder, '.s.PGSQL.5432'));
  assert.deepEqual(await run('pg.js', server.folder, port), {
    'UNIX is ours': true,
    UNIX: 2_000,
    'TCP is ours': true,
    TCP: 2_000,
  });
});
