'use strict';

// Copies of the modules in one thread use each other's objects, versions stay apart, and threads end in the middle of it.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');

const native = require('../../lib/native');
const { copy } = require('../support/copies');

const ours = copy();
const others = copy();
const [net, otherNet] = [ours('net'), others('net')];
const otherChildren = others('child_process');

async function textOf(stream) {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

async function pair(t) {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const client = net.connect(server.address().port, '127.0.0.1');
  const [accepted] = await once(server, 'connection');
  t.after(() => client.destroy());
  t.after(() => accepted.destroy());
  return { client, accepted };
}

test('a socket of one copy is stdio of a child of another', async (t) => {
  const { client, accepted } = await pair(t);
  const child = otherChildren.spawn('cat', { stdio: [accepted, accepted, 'inherit'] });
  client.end('to cat');
  await once(child, 'close');
  // This process has it open too.
  accepted.destroy();
  assert.equal(await textOf(client), 'to cat');
});

test('sockets of one copy carry messages of another', async (t) => {
  const { client, accepted } = await pair(t);
  const [left, right] = [otherNet.messages(client), net.messages(accepted)];
  assert.throws(() => net.messages(client), { code: 'ERR_INVALID_ARG_VALUE' });
  right.on('message', (message) => right.send({ back: message }));
  left.send('there');
  assert.deepEqual(await once(left, 'message'), [{ back: 'there' }]);
  await left.close();
});

test('sockets and servers are instances of the classes of every copy', async (t) => {
  const { client } = await pair(t);
  assert.ok(client instanceof otherNet.Socket);
  assert.ok(net.createServer() instanceof otherNet.Server);
});

test('what copies share is of one version', () => {
  assert.equal(native.sharedState('1'), native.sharedState('1'));
  assert.notEqual(native.sharedState('1'), native.sharedState('2'));
});

const descriptors = () => fs.readdirSync('/proc/self/fd').length;

test('threads that are terminated in the middle leave no descriptor behind', async () => {
  const round = async () => {
    const worker = new Worker(path.join(__dirname, '../support/traffic-worker.js'));
    await once(worker, 'message');
    await worker.terminate();
  };
  await round();
  const before = descriptors();
  for (let index = 0; index < 30; index++) await round();
  // A pidfd each of the children that the last thread had left running, until the next launch.
  const child = otherChildren.spawn('true');
  await once(child, 'close');
  assert.ok(descriptors() <= before + 4, `${before} before, ${descriptors()} after`);
});
