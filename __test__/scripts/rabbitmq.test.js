'use strict';

const assert = require('node:assert/strict');
const { execFileSync, spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const tls = require('node:tls');
const amqplib = require('amqplib');
const { startRabbitmq } = require('../../scripts/rabbitmq-server');
const { ownRabbitmq } = require('../support/rabbitmq');

const program = path.join(__dirname, '..', '..', 'scripts', 'rabbitmq');
const environment = { ...process.env, OXIPC_TEST_AMQP_URL: '' };

// Every process of a private RabbitMQ works in its folder, or carries the folder's path as its HOME.
function processesOf(folder) {
  return fs.readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) && fs.readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`HOME=${folder}\0`)
      );
    } catch {
      return false;
    }
  });
}

async function gone(folder) {
  while (fs.existsSync(folder) || processesOf(folder).length > 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function started() {
  const child = spawn(program, ['start'], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  const { url, nodes } = JSON.parse(line);
  return { child, url, name: nodes[0].name };
}

// RABBITMQ_BASE is the node's folder, inside the folder of all.
function folderOf(name) {
  const marker = new RegExp(`RABBITMQ_NODENAME=${name}\\0(?:.*\\0)?RABBITMQ_BASE=([^\\0]*)`);
  for (const pid of fs.readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const found = marker.exec(fs.readFileSync(`/proc/${pid}/environ`, 'latin1'));
      if (found) return path.dirname(found[1]);
    } catch {
      // Gone, or not ours to read.
    }
  }
  throw new Error(`no process of ${name}`);
}

test('exec runs a command with the URL and ends with its status', ownRabbitmq, () => {
  const script = 'case $OXIPC_TEST_AMQP_URL in amqp://127.0.0.1:*) exit 7;; esac';
  assert.throws(
    () => execFileSync(program, ['exec', '--', 'sh', '-c', script], { env: environment, stdio: 'pipe' }),
    {
      status: 7,
    },
  );
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL']) {
  test(`${signal} to the program leaves no process and no folder`, ownRabbitmq, async () => {
    const { child, name } = await started();
    const folder = folderOf(name);
    assert.ok(processesOf(folder).length > 0);
    child.kill(signal);
    await once(child, 'exit');
    await gone(folder);
  });
}

test('a killed node refuses connections, a restarted one has its durable queues', ownRabbitmq, async (t) => {
  const rabbitmq = await startRabbitmq();
  t.after(() => rabbitmq.stop());
  // Whatever fails here ends with the node: an error without a listener would keep the connection, and this file, open.
  const open = async () => {
    const connection = await amqplib.connect(rabbitmq.url);
    connection.on('error', () => {});
    const channel = await connection.createConfirmChannel();
    return channel.on('error', () => {});
  };
  const channel = await open();
  await channel.assertQueue('kept', { durable: true });
  channel.sendToQueue('kept', Buffer.from('still here'), { persistent: true });
  await channel.waitForConfirms();
  await rabbitmq.flush();

  await rabbitmq.kill('SIGKILL');
  await assert.rejects(amqplib.connect(rabbitmq.url), { code: 'ECONNREFUSED' });
  await rabbitmq.restart();

  const message = await (await open()).get('kept', { noAck: true });
  assert.equal(message.content.toString(), 'still here');
});

test('two nodes side by side know nothing of each other', ownRabbitmq, async (t) => {
  const nodes = await Promise.all([startRabbitmq(), startRabbitmq()]);
  t.after(() => Promise.all(nodes.map((node) => node.stop())));
  assert.notEqual(nodes[0].url, nodes[1].url);
  assert.notEqual(nodes[0].name, nodes[1].name);
});

test('three nodes form one cluster', ownRabbitmq, async (t) => {
  const rabbitmq = await startRabbitmq({ cluster: 3 });
  t.after(() => rabbitmq.stop());
  const status = JSON.parse(await rabbitmq.nodes[2].ctl('cluster_status', '--formatter', 'json'));
  assert.deepEqual([...status.running_nodes].sort(), rabbitmq.nodes.map((node) => node.name).sort());
});

test('tls listens with a certificate of its own authority', ownRabbitmq, async (t) => {
  const rabbitmq = await startRabbitmq({ tls: true });
  t.after(() => rabbitmq.stop());
  const socket = tls.connect({
    port: rabbitmq.tlsPort,
    host: 'localhost',
    ca: fs.readFileSync(rabbitmq.tls.ca),
  });
  await once(socket, 'secureConnect');
  assert.equal(socket.authorized, true);
  socket.destroy();
});

test('a node that cannot start says why', ownRabbitmq, async () => {
  await assert.rejects(startRabbitmq({ config: 'no_such_setting = 1' }), /no_such_setting/);
});
