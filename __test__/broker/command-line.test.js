'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { createInterface } = require('node:readline');
const { test } = require('node:test');
const { text } = require('node:stream/consumers');
const amqp = require('amqplib');

const { version } = require('../../package.json');

const BIN = path.join(__dirname, '../../bin/oxipc.js');

function run(...args) {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    line: async () => (await lines.next()).value,
    stderr: text(child.stderr),
    exit: once(child, 'exit'),
  };
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  test(`oxipc broker says where it listens, serves, and ends with 0 on ${signal}`, async () => {
    const { child, line, stderr, exit } = run('broker', '--port', '0');
    const url = (await line()).replace('Listening on ', '');
    const connection = await amqp.connect(url);
    connection.on('error', () => {});
    const channel = await connection.createChannel();
    await channel.assertQueue('q');
    child.kill(signal);
    assert.deepEqual(await exit, [0, null]);
    assert.equal(await stderr, '');
  });
}

test('oxipc broker --json prints one object, and the socket file is gone at the end', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const socket = path.join(folder, 's');
  const { child, line, exit } = run('broker', '--socket', socket, '--json');
  assert.deepEqual(JSON.parse(await line()), {
    url: `amqp+unix://${socket}`,
    path: socket,
    pid: child.pid,
  });
  child.kill('SIGINT');
  assert.deepEqual(await exit, [0, null]);
  assert.equal(fs.existsSync(socket), false);
});

test('oxipc --version and --help answer', async () => {
  const told = run('--version');
  assert.equal(await told.line(), version);
  assert.deepEqual(await told.exit, [0, null]);
  const help = run('--help');
  assert.match(await help.line(), /^Usage: oxipc broker/);
  assert.deepEqual(await help.exit, [0, null]);
});

test('what oxipc does not know it names before the usage', async () => {
  for (const [args, complaint] of [
    [[], 'a command is missing'],
    [['foo'], 'unknown: foo'],
    [['broker', 'bar'], 'unknown: bar'],
  ]) {
    const { stderr, exit } = run(...args);
    assert.deepEqual(await exit, [1, null]);
    assert.ok((await stderr).startsWith(`oxipc: ${complaint}\n\nUsage: `));
  }
});

test('oxipc says in one line which option it cannot follow', async () => {
  for (const [args, complaint] of [
    [['--bogus'], "Unknown option '--bogus'; see oxipc --help"],
    [['broker', '--host', '--json'], "Option '--host' argument is ambiguous; see oxipc --help"],
    [['broker', '--port', '99999'], '--port takes a number from 0 to 65535, not 99999'],
    [['broker', '--port', '0', '--forward', 'amqp://x'], '--forward needs a --forward-queue'],
    [['broker', '--port', '0', '--forward-queue', 'x'], '--forward-queue needs --forward'],
    [['broker', '--port', '0', '--fetch-vhost', 'x'], '--fetch-vhost needs --fetch'],
  ]) {
    const { stderr, exit } = run(...args);
    assert.deepEqual(await exit, [1, null]);
    assert.equal(await stderr, `oxipc: ${complaint}\n`);
  }
});

test('oxipc broker on a taken port says so in one line and ends with 1', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address();
  const { stderr, exit } = run('broker', '--port', `${port}`);
  assert.deepEqual(await exit, [1, null]);
  assert.equal(await stderr, `oxipc: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`);
});

test('oxipc broker --definitions makes what the file says', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'definitions.json');
  fs.writeFileSync(
    file,
    JSON.stringify({
      rabbit_version: '3.10.8',
      // RabbitMQ wrote this hash for the password "test12".
      users: [
        {
          name: 'ann',
          password_hash: 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR',
          hashing_algorithm: 'rabbit_password_hashing_sha256',
          tags: '',
        },
      ],
      vhosts: [{ name: '/' }, { name: 'shop' }],
      permissions: [{ user: 'ann', vhost: 'shop', configure: '.*', write: '.*', read: '.*' }],
      exchanges: [
        { name: 'orders', vhost: 'shop', type: 'topic', durable: true, auto_delete: false, arguments: {} },
      ],
      queues: [
        { name: 'all', vhost: 'shop', durable: true, auto_delete: false, arguments: { 'x-max-length': 2 } },
      ],
      bindings: [
        {
          source: 'orders',
          vhost: 'shop',
          destination: 'all',
          destination_type: 'queue',
          routing_key: '#',
          arguments: {},
        },
      ],
    }),
  );
  const { child, line, exit } = run('broker', '--port', '0', '--definitions', file, '--json');
  const { port } = JSON.parse(await line());
  const connection = await amqp.connect(`amqp://ann:test12@127.0.0.1:${port}/shop`);
  connection.on('error', () => {});
  const channel = await connection.createConfirmChannel();
  for (const body of ['1', '2', '3']) channel.publish('orders', 'a.b', Buffer.from(body));
  await channel.waitForConfirms();
  const { messageCount } = await channel.checkQueue('all');
  assert.equal(messageCount, 2);
  await assert.rejects(amqp.connect(`amqp://ann:test12@127.0.0.1:${port}`));
  await assert.rejects(amqp.connect(`amqp://guest:guest@127.0.0.1:${port}`), /ACCESS_REFUSED/);
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [0, null]);

  fs.writeFileSync(file, '{"queues": [{"vhost": "/"}]}');
  const refused = run('broker', '--port', '0', '--definitions', file);
  assert.deepEqual(await refused.exit, [1, null]);
  assert.match(await refused.stderr, /^oxipc: definitions: missing field `name` at line 1 column \d+\n$/);
});
