'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const path = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');

const BROKER = JSON.stringify(path.join(__dirname, '../../lib/broker'));

async function runScript(script) {
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'inherit', 'inherit'] });
  return once(child, 'exit');
}

test('an open broker that is unreferenced lets the process end, a referenced one is closed to end it', async () => {
  const start = `const { createBroker } = require(${BROKER}); createBroker({ port: 0 })`;
  assert.deepEqual(await runScript(`${start}.then((broker) => broker.unref())`), [0, null]);
  assert.deepEqual(await runScript(`${start}.then((broker) => broker.unref().close())`), [0, null]);
  assert.deepEqual(await runScript(`${start}.then(() => process.exit(7))`), [7, null]);
});

test('a worker that is terminated takes its broker along', async () => {
  const script = `
    const { parentPort } = require('node:worker_threads');
    const { createBroker } = require(${BROKER});
    createBroker({ port: 0 }).then(({ port }) => parentPort.postMessage(port));
  `;
  const worker = new Worker(script, { eval: true });
  const [port] = await once(worker, 'message');
  const client = net.connect(port, '127.0.0.1');
  await once(client, 'connect');
  // It may be reset; once() would take that for a failure.
  const closed = new Promise((resolve) => client.once('close', resolve));
  client.on('error', () => {}).resume();
  await worker.terminate();
  await closed;
  // Its connections and its listener end on their own threads, in either order.
  while (await accepts(port));
});

async function accepts(port) {
  const client = net.connect(port, '127.0.0.1');
  const accepted = await once(client, 'connect').then(
    () => true,
    () => false,
  );
  client.on('error', () => {}).destroy();
  return accepted;
}
