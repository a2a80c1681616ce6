'use strict';

// Any number of copies of the JavaScript over one addon in one thread.

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { setImmediate } = require('node:timers/promises');
const v8 = require('node:v8');
const vm = require('node:vm');

const { copy, lib, newContext } = require('../support/copies');

const COPIES = 1000;
// Three descriptors each, of 1,024 that a process has at least.
const AT_ONCE = 200;
const sha256 = (data) => createHash('sha256').update(data).digest('hex');

/** As many bytes as take the small, the large and the kept memory by turns, and nobody else's. */
function bytesFor(index) {
  const seed = createHash('sha256').update(`copy ${index}`).digest();
  return Buffer.alloc([10, 1000, 70_000, 300_000][index % 4] + index, seed);
}

async function allOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function echo({ net }, bytes) {
  const server = net.createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  client.end(bytes);
  const answer = await allOf(client);
  server.close();
  await once(server, 'close');
  return answer;
}

async function childOutput({ child_process }, bytes) {
  const child = child_process.spawn('cat');
  child.stdin.end(bytes);
  const closed = once(child, 'close');
  const output = await allOf(child.stdout);
  await closed;
  return output;
}

async function exchange({ net }, bytes) {
  const server = net.createServer((socket) => {
    const messages = net.messages(socket, { codec: 'raw' });
    messages.on('message', (message) => messages.send(message));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = net.connect(server.address().port, '127.0.0.1');
  const messages = net.messages(socket, { codec: 'raw' });
  messages.send(bytes);
  const [answer] = await once(messages, 'message');
  await messages.close();
  server.close();
  return answer;
}

const gatheredAnswer = Array.from({ length: 50 }, (_, index) => `piece ${index} `).join('');

/** Many small writes in one tick: they leave in one piece. */
async function gathered({ net }) {
  const server = net.createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  for (let index = 0; index < 50; index++) client.write(`piece ${index} `);
  client.end();
  const answer = await allOf(client);
  server.close();
  return answer.toString();
}

async function publish({ amqplib, broker }, bytes) {
  const server = await broker.createBroker({ port: 0 });
  const connection = await amqplib.connect(server.url);
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  channel.sendToQueue(queue, bytes, { headers: { length: bytes.length } });
  await channel.waitForConfirms();
  const message = await new Promise((resolve) => channel.consume(queue, resolve, { noAck: true }));
  assert.equal(message.properties.headers.length, bytes.length);
  await connection.close();
  await server.close();
  return message.content;
}

function load(options) {
  const own = copy(options);
  return { child_process: own('child_process'), net: own('net') };
}

function loadAll(options) {
  const own = copy(options);
  const [child_process, net, amqplib, broker] = ['child_process', 'net', 'amqplib', 'broker'].map(own);
  return { child_process, net, amqplib, broker };
}

async function useAll(copies, index = 0) {
  for (const use of [echo, childOutput, exchange, publish]) {
    const bytes = bytesFor(index);
    assert.equal(sha256(await use(copies, bytes)), sha256(bytes), use.name);
  }
  assert.equal(await gathered(copies), gatheredAnswer);
}

async function inTurn(items, act) {
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      await act(items[index], index);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

test('a thousand copies, and traffic on all of them', async () => {
  const copies = Array.from({ length: COPIES }, () => load());
  assert.equal(new Set(copies.map(({ net }) => net.Socket)).size, COPIES);
  await inTurn(copies, async (own, index) => {
    const bytes = bytesFor(index);
    assert.equal(sha256(await echo(own, bytes)), sha256(bytes));
    if (index % 20 === 0) assert.equal(sha256(await childOutput(own, bytes)), sha256(bytes));
    if (index % 10 === 5) assert.equal(sha256(await exchange(own, bytes)), sha256(bytes));
    if (index % 10 === 7) assert.equal(await gathered(own), gatheredAnswer);
  });
  assert.ok(process.listenerCount('exit') <= 2);
});

test('ten copies with everything, at once', async () => {
  const copies = Array.from({ length: 10 }, () => loadAll());
  await Promise.all(copies.map(useAll));
});

test('copies in contexts of their own', async () => {
  const copies = Array.from({ length: 4 }, () => loadAll({ context: newContext() }));
  await Promise.all(copies.map(useAll));
});

const files = fs
  .readdirSync(lib, { recursive: true })
  .filter((file) => file.endsWith('.js') && file !== 'binding.js' && !/^(register|fallback)/.test(file))
  .map((file) => path.join(lib, file));
const entries = ['child_process.js', 'net.js', 'amqplib.js', 'broker.js'].map((file) => path.join(lib, file));

test('each file alone is evaluated again while the others stay', async () => {
  for (const file of files) {
    const { exports: first } = require.cache[require.resolve(file)] ?? { exports: require(file) };
    const known = require.cache[file];
    delete require.cache[file];
    assert.deepEqual(Object.keys(require(file)), Object.keys(first), file);
    // What others have patched stays with the others.
    if (!entries.includes(file)) require.cache[file] = known;
  }
  await useAll({
    child_process: require('../../lib/child_process'),
    net: require('../../lib/net'),
    amqplib: require('../../lib/amqplib'),
    broker: require('../../lib/broker'),
  });
});

test('a copy that nobody has any more is collected, with its context', { timeout: 60_000 }, async () => {
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc');
  const gone = [];
  // Not here: a function that waits keeps what its variables had.
  const use = async (index) => {
    const own = loadAll({ context: newContext() });
    await useAll(own, index);
    gone.push(
      new WeakRef(own.net.Socket),
      new WeakRef(own.child_process.spawn),
      new WeakRef(own.amqplib.connect),
    );
  };
  for (let index = 0; index < 5; index++) await use(index);
  do {
    // In a turn of its own: what deref() has given stays until the end of its turn.
    await setImmediate();
    collect();
  } while (gone.some((reference) => reference.deref() !== undefined));
});
