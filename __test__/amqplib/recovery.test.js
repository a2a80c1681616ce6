'use strict';

// What comes back by itself on a connection with `recovery`, in both APIs, with RabbitMQ and the embedded broker.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const amqplib = require('../../lib/amqplib');
const callbackApi = require('../../lib/amqplib/callback-api');
const { createBroker } = require('../../lib/broker');
const { brokers } = require('../support/brokers');
const { cuttingProxy } = require('../support/cutting-proxy');
const { long, method, shortString, withPeer } = require('../support/scripted-peer');

// Unlike events.once this takes no interest in 'error': a lost connection is one.
const once = (emitter, event) =>
  new Promise((resolve) => emitter.once(event, (...values) => resolve(values)));

const RESOURCE_LOCKED = 405;
const SOON = { initialDelay: 1, maxDelay: 20 };

let names = 0;
const name = (suffix) => `oxipc.recovery.${process.pid}.${++names}.${suffix}`;

/** A recovering connection through a proxy, and a plain one past it; both go with the test. */
async function connected(t, broker, recovery = {}) {
  const brokerUrl = await broker.open();
  const proxy = await cuttingProxy(t, brokerUrl);
  const connection = await amqplib.connect(proxy.url, { recovery: { ...SOON, ...recovery } });
  t.after(() => connection.close());
  return { proxy, connection, ...(await observed(t, brokerUrl)) };
}

/** A channel past the proxy; the queues that are added to `lasting` go with the test. */
async function observed(t, brokerUrl) {
  const plain = await amqplib.connect(brokerUrl);
  const observer = await plain.createChannel();
  const lasting = [];
  t.after(async () => {
    for (const queue of lasting) await observer.deleteQueue(queue);
    await plain.close();
  });
  return { observer, lasting };
}

async function lose({ proxy, connection }) {
  const lost = once(connection, 'disconnect');
  proxy.cut();
  await lost;
}

async function loseAndRegain(setting) {
  const back = once(setting.connection, 'connect');
  await lose(setting);
  await back;
}

/** A recovering connection to an embedded broker that another one may follow, on the same socket. */
async function onOneSocket(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-recovery-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const socket = path.join(folder, 'broker.sock');
  let broker;
  const startBroker = async (options) => (broker = await createBroker({ path: socket, ...options }));
  await startBroker();
  t.after(() => broker.close());
  const connection = await amqplib.connect(`amqp+unix://${socket}`, { recovery: SOON });
  t.after(() => connection.close());
  const stopBroker = async () => {
    const lost = once(connection, 'disconnect');
    await broker.close();
    await lost;
  };
  return { connection, startBroker, stopBroker };
}

/** Keeps the connection away until the function that this returns is called. */
async function away(setting) {
  setting.proxy.isAway = true;
  await lose(setting);
  return async () => {
    const back = once(setting.connection, 'connect');
    setting.proxy.isAway = false;
    await back;
  };
}

/** Messages that come to a consumer, and promises for the next ones. */
class Received {
  #messages = [];
  #waiting = [];

  take = (message) => {
    if (this.#waiting.length > 0) this.#waiting.shift()(message);
    else this.#messages.push(message);
  };

  next() {
    if (this.#messages.length > 0) return Promise.resolve(this.#messages.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async texts(count) {
    const texts = [];
    while (texts.length < count) texts.push((await this.next()).content.toString());
    return texts;
  }
}

function onEveryBroker(title, run) {
  for (const broker of brokers) {
    test(`${title} (${broker.name})`, { skip: broker.skip }, (t) => run(t, broker));
  }
}

onEveryBroker('channel, prefetch, topology, consumer and its tag come back', async (t, broker) => {
  const setting = await connected(t, broker);
  const { connection, observer } = setting;
  const channel = await connection.createChannel();
  const ends = [];
  for (const event of ['close', 'error']) channel.on(event, () => ends.push(event));
  const [exchange, middle, queue] = [name('exchange'), name('middle'), name('queue')];
  // Gone with the connection, all of it.
  await channel.assertExchange(exchange, 'topic', { durable: false, autoDelete: true });
  await channel.assertExchange(middle, 'fanout', { durable: false, autoDelete: true });
  await channel.assertQueue(queue, { exclusive: true, arguments: { 'x-max-length': 100 } });
  await channel.bindExchange(middle, exchange, 'a.*');
  await channel.bindQueue(queue, middle, '');
  await channel.prefetch(1);
  const received = new Received();
  const { consumerTag } = await channel.consume(queue, received.take);

  for (let round = 0; round < 3; round++) {
    await loseAndRegain(setting);
    for (const text of ['one', 'two']) observer.publish(exchange, 'a.b', Buffer.from(text));
    observer.publish(exchange, 'b.b', Buffer.from('not bound'));
    const first = await received.next();
    assert.equal(first.content.toString(), 'one');
    assert.equal(first.fields.consumerTag, consumerTag);
    assert.equal((await channel.checkQueue(queue)).messageCount, 1, 'prefetch is 1');
    channel.ack(first);
    const second = await received.next();
    assert.equal(second.content.toString(), 'two');
    channel.ack(second);
    assert.deepEqual(await channel.checkQueue(queue), { queue, messageCount: 0, consumerCount: 1 });
  }
  assert.deepEqual(ends, []);
});

onEveryBroker('each consumer has its prefetch again, and the channel its own', async (t, broker) => {
  const setting = await connected(t, broker);
  const channel = await setting.connection.createConfirmChannel();
  const counts = new Map();
  const settled = new Map();
  for (const [prefetch, queue] of [
    [1, name('one')],
    [3, name('three')],
    [2, name('two')],
  ]) {
    await channel.assertQueue(queue, { exclusive: true });
    await channel.prefetch(prefetch);
    await channel.consume(queue, () => counts.set(queue, counts.get(queue) + 1));
    settled.set(queue, prefetch);
  }
  await loseAndRegain(setting);
  for (const queue of settled.keys()) counts.set(queue, 0);
  const publishes = [...settled.keys()].flatMap((queue) => Array(5).fill(queue));
  // Confirmed: RabbitMQ counts before it takes in what was published before.
  await Promise.all(publishes.map((queue) => channel.publishConfirmed('', queue, Buffer.from('x'))));
  // An answer on the channel comes behind what the broker had to deliver there; two, as queues are processes of their own.
  for (const [queue, prefetch] of settled) {
    while ((await channel.checkQueue(queue)).messageCount > 5 - prefetch);
    assert.equal((await channel.checkQueue(queue)).messageCount, 5 - prefetch);
  }
  await channel.checkQueue([...settled.keys()][0]);
  assert.deepEqual(counts, settled);
});

onEveryBroker('the prefetch of a channel holds behind that of its consumers', async (t, broker) => {
  const setting = await connected(t, broker);
  const channel = await setting.connection.createConfirmChannel();
  const queue = name('queue');
  await channel.assertQueue(queue, { exclusive: true });
  await channel.prefetch(5);
  await channel.prefetch(2, true);
  await channel.consume(queue, () => {});
  await loseAndRegain(setting);
  // Confirmed: RabbitMQ counts before it takes in what was published before.
  await Promise.all(Array.from({ length: 10 }, () => channel.publishConfirmed('', queue, Buffer.from('x'))));
  while ((await channel.checkQueue(queue)).messageCount > 8);
  assert.equal((await channel.checkQueue(queue)).messageCount, 8);
});

onEveryBroker('settling what an earlier connection delivered does nothing', async (t, broker) => {
  const setting = await connected(t, broker);
  const channel = await setting.connection.createConfirmChannel();
  const queue = name('queue');
  await channel.assertQueue(queue, { autoDelete: false, durable: true });
  setting.lasting.push(queue);
  const received = new Received();
  await channel.consume(queue, received.take);
  for (const text of ['a', 'b', 'c']) await channel.publishConfirmed('', queue, Buffer.from(text));
  const old = [await received.next(), await received.next(), await received.next()];

  const regain = await away(setting);
  channel.ack(old[0]);
  channel.ackAll();
  channel.nackAll(false);
  await regain();
  const again = [await received.next(), await received.next(), await received.next()];
  assert.deepEqual(
    again.map(({ content, fields }) => [content.toString(), fields.redelivered]),
    [
      ['a', true],
      ['b', true],
      ['c', true],
    ],
  );
  assert.deepEqual(
    again.map(({ fields }) => fields.deliveryTag),
    [4, 5, 6],
    'tags go on, so that old and new ones differ',
  );
  channel.ack(old[2], true);
  channel.nack(old[1], false, false);
  channel.reject(old[0], false);
  channel.ack(again[0]);
  // With the channel closed these come back, and only these.
  await channel.close();
  const texts = [];
  for (let message = await setting.observer.get(queue, { noAck: true }); message; ) {
    texts.push(message.content.toString());
    message = await setting.observer.get(queue, { noAck: true });
  }
  assert.deepEqual(texts, ['b', 'c']);
});

onEveryBroker('publishes of a time without connection wait, in order', async (t, broker) => {
  const setting = await connected(t, broker);
  const queue = name('queue');
  const [plain, confirming] = [
    await setting.connection.createChannel({ highWaterMark: 4 }),
    await setting.connection.createConfirmChannel(),
  ];
  await plain.assertQueue(queue, { durable: true });
  setting.lasting.push(queue);
  const regain = await away(setting);
  const headers = { n: 1, list: [{ deep: true }] };
  const content = Buffer.from('0');
  const results = [];
  for (let i = 0; i < 8; i++) {
    content[0] = 48 + i;
    headers.list[0].deep = i % 2 === 0;
    results.push(plain.sendToQueue(queue, content, { headers, messageId: `m${i}`, CC: [] }));
  }
  assert.deepEqual(results, [true, true, true, true, true, true, false, false]);
  const confirmed = confirming.publishConfirmed('', queue, Buffer.from('confirmed'));
  const waited = confirming.waitForConfirms();
  assert.throws(() => plain.sendToQueue(queue, 'text'), /^TypeError: content is not a buffer$/);
  assert.throws(
    () => plain.sendToQueue(queue, content, { contentType: 7 }),
    /^TypeError: Field 'contentType' is the wrong type/,
  );
  let isDrained = false;
  const drained = once(plain, 'drain').then(() => (isDrained = true));
  const count = plain.checkQueue(queue);
  assert.equal(isDrained, false);
  await regain();
  await Promise.all([drained, confirmed, waited]);
  assert.equal((await count).queue, queue);

  const received = new Received();
  await setting.observer.consume(queue, received.take, { noAck: true });
  const arrived = [];
  for (let i = 0; i < 9; i++) arrived.push(await received.next());
  const ours = arrived.filter(({ properties }) => properties.messageId);
  assert.deepEqual(
    ours.map(({ content: bytes, properties }) => [
      bytes.toString(),
      properties.messageId,
      properties.headers.list[0].deep,
    ]),
    results.map((_, i) => [`${i}`, `m${i}`, i % 2 === 0]),
  );
});

onEveryBroker('the buffer is bounded in messages and bytes, and in time', async (t, broker) => {
  const setting = await connected(t, broker, { bufferMessages: 6, bufferBytes: 1000, bufferTimeout: 50 });
  const queue = name('queue');
  const channel = await setting.connection.createConfirmChannel();
  await channel.assertQueue(queue, { exclusive: true });
  const regain = await away(setting);
  const outcomes = [];
  const publish = (size) => {
    let settle;
    const outcome = new Promise((resolve) => (settle = resolve));
    const result = channel.sendToQueue(queue, Buffer.alloc(size), {}, (error) => settle(error?.code));
    outcomes.push(outcome);
    return result;
  };
  assert.deepEqual([publish(1), publish(1), publish(1), publish(1)], [true, true, false, false]);
  assert.throws(() => publish(997), { code: 'ERR_AMQP_BUFFER_FULL' });
  assert.deepEqual([publish(1), publish(1)], [false, false]);
  assert.throws(() => publish(1), { code: 'ERR_AMQP_BUFFER_FULL' });
  await assert.rejects(channel.publishConfirmed('', queue, Buffer.alloc(1)), {
    code: 'ERR_AMQP_BUFFER_FULL',
  });
  await assert.rejects(channel.waitForConfirms(), (error) => {
    assert.equal(error.code, 'ERR_AMQP_NOT_PUBLISHED');
    assert.match(error.message, /^Not published \(timed out: /);
    assert.ok(error.cause instanceof Error);
    return true;
  });
  assert.deepEqual(await Promise.all(outcomes), Array(6).fill('ERR_AMQP_NOT_PUBLISHED'));
  await assert.rejects(channel.checkQueue(queue), { code: 'ERR_AMQP_OFFLINE' });
  await regain();
  // Room again, and no drain was forgotten.
  await channel.publishConfirmed('', queue, Buffer.from('later'));
  assert.equal((await channel.checkQueue(queue)).messageCount, 1);
});

onEveryBroker('back-pressure while connected: what is kept until its confirm', async (t, broker) => {
  const setting = await connected(t, broker, { bufferMessages: 10 });
  const channel = await setting.connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  let count = 0;
  while (channel.sendToQueue(queue, Buffer.alloc(10))) count++;
  assert.equal(count, 4);
  for (let i = 0; i < 20; i++) channel.sendToQueue(queue, Buffer.alloc(10));
  await once(channel, 'drain');
  await channel.waitForConfirms();
  assert.equal(
    (await channel.checkQueue(queue)).messageCount,
    25,
    'more than the bound is sent nevertheless',
  );
});

onEveryBroker(
  'queues that the broker names get another name, and what uses them follows',
  async (t, broker) => {
    const setting = await connected(t, broker);
    const { connection, observer } = setting;
    const channel = await connection.createConfirmChannel();
    const first = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue('', 'amq.topic', `${first.queue}.key`);
    const received = new Received();
    await channel.consume('', received.take, { noAck: true });
    const lasting = await channel.assertQueue('', { durable: true });
    setting.lasting.push(lasting.queue);
    await channel.publishConfirmed('', lasting.queue, Buffer.from('kept'), { persistent: true });

    const renames = [];
    connection.on('queue-renamed', (to, from) => renames.push([from, to]));
    for (let round = 0; round < 3; round++) await loseAndRegain(setting);
    assert.equal(renames.length, 3);
    assert.equal(renames[0][0], first.queue);
    assert.equal(renames[1][0], renames[0][1]);
    const now = renames[2][1];
    assert.notEqual(now, first.queue);

    observer.publish('amq.topic', `${first.queue}.key`, Buffer.from('by binding'));
    observer.sendToQueue(now, Buffer.from('by name'));
    assert.deepEqual((await received.texts(2)).sort(), ['by binding', 'by name']);
    channel.sendToQueue(first.queue, Buffer.from('by old name'), { replyTo: first.queue });
    const message = await received.next();
    assert.equal(message.content.toString(), 'by old name');
    assert.equal(message.properties.replyTo, now);
    assert.equal((await channel.checkQueue(first.queue)).queue, now);
    assert.equal((await channel.get(lasting.queue, { noAck: true })).content.toString(), 'kept');
    await channel.deleteQueue(first.queue);
    await loseAndRegain(setting);
    assert.equal(renames.length, 3, 'a deleted queue does not come back');
  },
);

onEveryBroker('operations under way are asked again', async (t, broker) => {
  const setting = await connected(t, broker);
  const channel = await setting.connection.createChannel();
  const queue = name('queue');
  // Cut before the broker has seen them.
  const lost = once(setting.connection, 'disconnect');
  const back = once(setting.connection, 'connect');
  const received = new Received();
  const asked = [
    channel.assertQueue(queue, { exclusive: true }),
    channel.bindQueue(queue, 'amq.direct', queue),
    channel.prefetch(7),
    channel.consume(queue, received.take, { consumerTag: 'mine' }),
    channel.get(queue),
    channel.purgeQueue(queue),
  ];
  setting.proxy.cut();
  await lost;
  await back;
  const [declared, , , consuming, got, purged] = await Promise.all(asked);
  assert.deepEqual(declared, { queue, messageCount: 0, consumerCount: 0 });
  assert.deepEqual(consuming, { consumerTag: 'mine' });
  assert.equal(got, false);
  assert.deepEqual(purged, { messageCount: 0 });
  await loseAndRegain(setting);
  setting.observer.publish('amq.direct', queue, Buffer.from('bound'));
  assert.deepEqual(await received.texts(1), ['bound']);
});

onEveryBroker('what is cancelled, unbound, deleted or closed stays away', async (t, broker) => {
  const setting = await connected(t, broker);
  const { connection, observer } = setting;
  const channel = await connection.createChannel();
  const other = await connection.createChannel();
  const [kept, gone, exchange] = [name('kept'), name('gone'), name('exchange')];
  await channel.assertExchange(exchange, 'direct', { durable: false });
  await channel.assertQueue(kept, { exclusive: true });
  await channel.assertQueue(gone, { exclusive: true });
  await channel.bindQueue(kept, 'amq.direct', gone);
  const received = new Received();
  await channel.consume(kept, received.take, { consumerTag: 'stays', noAck: true });
  await channel.consume(kept, received.take, { consumerTag: 'cancelled', noAck: true });
  await other.consume(kept, received.take, { consumerTag: 'closed', noAck: true });
  await channel.cancel('cancelled');
  await other.close();
  await channel.unbindQueue(kept, 'amq.direct', gone);
  await channel.deleteQueue(gone);
  await channel.deleteExchange(exchange);
  await loseAndRegain(setting);
  assert.deepEqual(await channel.checkQueue(kept), { queue: kept, messageCount: 0, consumerCount: 1 });
  observer.publish('amq.direct', gone, Buffer.from('unbound'));
  observer.sendToQueue(kept, Buffer.from('direct'));
  assert.deepEqual(await received.texts(1), ['direct']);
  for (const check of [(c) => c.checkQueue(gone), (c) => c.checkExchange(exchange)]) {
    const probe = await connection.createChannel();
    probe.on('error', () => {});
    await assert.rejects(check(probe), { code: 404 });
    await assert.rejects(probe.checkQueue(kept), { name: 'IllegalOperationError' });
  }
  await loseAndRegain(setting);
  assert.equal((await channel.checkQueue(kept)).consumerCount, 1);
});

/** A recovering connection to a scripted peer, a consumer 'mine' of a queue that deletes itself, and that queue deleted. */
async function consumerOfDeleted(url, accept, take) {
  const connection = await amqplib.connect(url, { recovery: SOON });
  const peer = await accept();
  const channel = await connection.createChannel();
  const received = new Received();
  const answered = async (asking, asks, answer) => {
    await peer.receive(asks);
    peer.send(answer);
    await asking;
  };
  const declare = () =>
    answered(
      channel.assertQueue('queue', { autoDelete: true }),
      '50.10',
      method(1, 50, 11, shortString('queue'), long(0), long(0)),
    );
  await declare();
  const consuming = channel.consume('queue', take ?? received.take, { consumerTag: 'mine' });
  await answered(consuming, '60.20', method(1, 60, 21, shortString('mine')));
  await answered(channel.deleteQueue('queue'), '50.40', method(1, 50, 41, long(0)));
  return { connection, peer, channel, received, declare };
}

test('a queue is deleted and the connection lost before its consumer is cancelled', () =>
  withPeer(async (url, accept) => {
    const { connection, peer, channel, received } = await consumerOfDeleted(url, accept);
    const cancels = [];
    channel.on('cancel', ({ consumerTag }) => cancels.push(consumerTag));
    const back = once(connection, 'connect');
    peer.socket.destroy();
    const second = await accept();
    // Nothing is declared or consumed: nobody would answer.
    const asked = Promise.race([second.receive('50.10'), second.receive('60.20')]);
    assert.equal(await Promise.race([back.then(() => 'back'), asked]), 'back');
    assert.deepEqual([await received.next(), cancels], [null, ['mine']]);
    await connection.close();
  }));

for (const heard of [false, true]) {
  test(`a consumer throws at that null${heard ? ", which 'handler-error' hears" : ''}`, () =>
    withPeer(async (url, accept) => {
      const nulls = [];
      const { connection, peer, channel } = await consumerOfDeleted(url, accept, (message) => {
        nulls.push(message);
        throw new Error('mine');
      });
      const told = [];
      const tell = ({ message }) => told.push(message);
      if (heard) channel.on('handler-error', tell);
      else connection.on('error', tell);
      let socket = peer.socket;
      for (let round = 0; round < 2; round++) {
        const back = once(connection, 'connect');
        socket.destroy();
        ({ socket } = await accept());
        await back;
      }
      assert.ok(told.includes('mine'));
      assert.deepEqual(nulls, [null]);
      await connection.close();
    }));
}

test('an auto-delete queue declared anew outlives the consumer of the old one', () =>
  withPeer(async (url, accept) => {
    const { connection, peer, channel, declare } = await consumerOfDeleted(url, accept);
    await declare();
    const cancelled = once(channel, 'cancel');
    peer.send(method(1, 60, 30, shortString('mine'), 1));
    await cancelled;
    const back = once(connection, 'connect');
    peer.socket.destroy();
    const second = await accept();
    const asked = second.receive('50.10').then(() => 'asked');
    assert.equal(await Promise.race([back.then(() => 'back'), asked]), 'asked');
    await connection.close();
  }));

onEveryBroker('a channel that the broker closes for an error does not come back', async (t, broker) => {
  const setting = await connected(t, broker);
  const channel = await setting.connection.createConfirmChannel();
  const closed = once(channel, 'close');
  const failed = once(channel, 'error');
  const refused = channel.publishConfirmed(name('nowhere'), '', Buffer.from('x'));
  await assert.rejects(refused, /^Error: channel closed$/);
  assert.equal((await failed)[0].code, 404);
  await closed;
  await loseAndRegain(setting);
  assert.throws(() => channel.publish('', 'q', Buffer.alloc(0)), { name: 'IllegalOperationError' });
});

onEveryBroker('setup runs each time, and what it makes is its own', async (t, broker) => {
  let setups = 0;
  const queue = name('queue');
  const received = new Received();
  const setting = await connected(t, broker, {
    setup: async (model) => {
      setups++;
      const channel = await model.createChannel();
      await channel.assertQueue(queue, { exclusive: true });
      await channel.consume(queue, received.take, { noAck: true });
    },
  });
  // The broker may still hold the queue for the connection that was lost: such an attempt fails, and setup runs again.
  let locked = 0;
  setting.connection.on('connect-failed', ({ code }) => code === RESOURCE_LOCKED && locked++);
  const channel = await setting.connection.createChannel();
  await loseAndRegain(setting);
  await loseAndRegain(setting);
  assert.equal(setups, 3 + locked);
  assert.equal((await channel.checkQueue(queue)).consumerCount, 1);
  channel.sendToQueue(queue, Buffer.from('once'));
  assert.deepEqual(await received.texts(1), ['once']);
});

onEveryBroker('what cannot be brought back fails the attempt, until it can', async (t, broker) => {
  const setting = await connected(t, broker);
  const { connection, observer } = setting;
  const queue = name('queue');
  await observer.assertQueue(queue, { durable: false });
  const channel = await connection.createChannel();
  const received = new Received();
  await channel.consume(queue, received.take, { noAck: true });
  channel.on('error', (error) => assert.fail(error));
  const regain = await away(setting);
  await observer.deleteQueue(queue);
  const failures = [];
  let refuse;
  const refused = new Promise((resolve) => (refuse = resolve));
  connection.on('connect-failed', (error) => {
    failures.push(error);
    if (error.code === 404) refuse();
  });
  const back = regain();
  await refused;
  const waiting = channel.assertQueue(queue, { durable: false });
  await observer.assertQueue(queue, { durable: false });
  setting.lasting.push(queue);
  await back;
  assert.equal((await waiting).queue, queue);
  observer.sendToQueue(queue, Buffer.from('x'));
  assert.deepEqual(await received.texts(1), ['x']);
});

onEveryBroker('closing while away, and giving up, end all that waits', async (t, broker) => {
  const setting = await connected(t, broker);
  const queue = name('queue');
  const make = async (connection) => {
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue(queue, { durable: false, autoDelete: true });
    return channel;
  };
  const settle = async (channel, finish) => {
    const events = [];
    channel.on('error', () => events.push('error'));
    channel.on('close', () => events.push('close'));
    const outcomes = [
      channel.publishConfirmed('', queue, Buffer.from('x')),
      channel.checkQueue(queue),
      channel.waitForConfirms(),
    ];
    const settled = Promise.allSettled(outcomes);
    await finish();
    const reasons = (await settled).map(({ reason }) => reason);
    assert.deepEqual(events, ['close']);
    assert.throws(() => channel.publish('', queue, Buffer.alloc(0)), { name: 'IllegalOperationError' });
    return reasons;
  };

  const channel = await make(setting.connection);
  const alone = await make(setting.connection);
  await away(setting);
  const byChannel = await settle(alone, () => alone.close());
  const byUser = await settle(channel, () => setting.connection.close());
  for (const reasons of [byChannel, byUser]) {
    assert.deepEqual(
      reasons.map(({ message }) => message),
      ['channel closed', 'Channel ended, no reply will be forthcoming', 'channel closed'],
    );
  }
  await assert.rejects(setting.connection.createChannel(), /Connection closed/);

  const other = await connected(t, broker, { maxRetries: 1 });
  const given = await make(other.connection);
  other.proxy.isAway = true;
  const failed = once(other.connection, 'reconnect-failed');
  const byFailure = await settle(given, async () => {
    other.proxy.cut();
    await failed;
  });
  const [reason] = await failed;
  assert.equal(byFailure[0].code, 'ERR_AMQP_UNCONFIRMED');
  assert.equal(byFailure[0].cause, reason);
  assert.equal(byFailure[1], reason);
  assert.equal(byFailure[2], byFailure[0]);
});

onEveryBroker('an empty name is the queue declared last, whoever waits for answers', async (t, broker) => {
  const setting = await connected(t, broker);
  const channel = await setting.connection.createChannel();
  const [one, two] = [name('one'), name('two')];
  await Promise.all([
    channel.assertQueue(one, { exclusive: true }),
    channel.assertQueue(two, { exclusive: true }),
    channel.bindQueue('', 'amq.direct', two),
  ]);
  for (let round = 1; round <= 2; round++) {
    channel.publish('amq.direct', two, Buffer.from('x'));
    const counts = [await channel.checkQueue(one), await channel.purgeQueue('')];
    assert.deepEqual(
      counts.map(({ messageCount }) => messageCount),
      [0, 0],
      'purged is the one that was checked last',
    );
    assert.equal((await channel.purgeQueue(two)).messageCount, 1);
    await loseAndRegain(setting);
  }
});

onEveryBroker('attempts that fail do not prolong the time-out', async (t, broker) => {
  const setting = await connected(t, broker, { bufferTimeout: 100 });
  const { observer, connection } = setting;
  const queue = name('queue');
  await observer.assertQueue(queue, { durable: false });
  const channel = await connection.createConfirmChannel();
  await channel.consume(queue, () => {});
  await away(setting);
  await observer.deleteQueue(queue);
  const publishing = channel.publishConfirmed('', queue, Buffer.from('x'));
  const checking = channel.checkExchange('amq.direct');
  setting.proxy.isAway = false;
  await Promise.all([
    assert.rejects(publishing, { code: 'ERR_AMQP_NOT_PUBLISHED' }),
    assert.rejects(checking, { code: 'ERR_AMQP_OFFLINE' }),
  ]);
});

/** A channel whose consumer does `onAgain` when its message comes again, which is in the middle of an attempt. */
async function consumedAgain({ observer, connection, lasting }, onAgain) {
  const queue = name('queue');
  await observer.assertQueue(queue, { durable: false });
  lasting.push(queue);
  const channel = await connection.createConfirmChannel();
  const delivered = new Promise((resolve) => {
    const take = (message) => (message.fields.redelivered ? onAgain(channel) : resolve());
    channel.consume(queue, take).then(() => observer.sendToQueue(queue, Buffer.from('x')));
  });
  await delivered;
  return { channel, queue };
}

onEveryBroker('closing the connection in an attempt that fails', async (t, broker) => {
  const setting = await connected(t, broker);
  const { channel, queue } = await consumedAgain(setting, () => setting.connection.close());
  const gone = name('gone');
  await setting.observer.assertQueue(gone, { durable: false });
  await channel.consume(gone, () => {});
  await away(setting);
  await setting.observer.deleteQueue(gone);
  const closed = once(channel, 'close');
  const checking = channel.checkQueue(queue);
  setting.proxy.isAway = false;
  await assert.rejects(checking, /Channel ended, no reply will be forthcoming/);
  await closed;
});

onEveryBroker('closing a channel in an attempt', async (t, broker) => {
  const setting = await connected(t, broker);
  const { connection } = setting;
  const { channel, queue } = await consumedAgain(setting, (again) => again.close());
  await channel.consume(queue, () => {});
  const other = await connection.createChannel();
  const regain = await away(setting);
  const publishing = channel.publishConfirmed('', queue, Buffer.from('kept'));
  const refused = assert.rejects(publishing, /channel closed/);
  const [failures, losses] = [[], []];
  connection.on('connect-failed', (error) => error.code === undefined && failures.push(error));
  connection.on('disconnect', (error) => losses.push(error));
  await Promise.all([regain(), refused]);
  await other.checkQueue(queue);
  assert.deepEqual([failures, losses], [[], []]);
});

onEveryBroker('closing while the connection is being lost', async (t, broker) => {
  const brokerUrl = await broker.open();
  const proxy = await cuttingProxy(t, brokerUrl);
  for (const options of [undefined, { recovery: SOON }]) {
    const connection = await amqplib.connect(proxy.url, options);
    connection.on('error', () => {});
    const channel = await connection.createConfirmChannel();
    proxy.cut();
    await Promise.all([channel.close(), connection.close()]);
  }
});

// In the middle of the frames of publishes and of confirms; through the handshake as well, where that is the first time.
for (const direction of ['up', 'down']) {
  onEveryBroker(`every confirmed message arrives though frames are cut: ${direction}`, async (t, broker) => {
    const brokerUrl = await broker.open();
    const proxy = await cuttingProxy(t, brokerUrl);
    const queue = name('queue');
    const places = direction === 'up' ? [700, 701, 1999, 9001, 40_000] : [560, 567, 573, 581, 601, 700];
    const connection = await amqplib.connect(proxy.url, { recovery: { ...SOON } });
    t.after(() => connection.close());
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue(queue, { durable: true });
    const { observer, lasting } = await observed(t, brokerUrl);
    lasting.push(queue);

    let sent = 0;
    const confirmed = [];
    for (const place of places) {
      const back = once(connection, 'connect');
      proxy.next = { [direction]: place };
      proxy.cut();
      for (let i = 0; i < 60; i++) {
        const id = `${sent++}`;
        const content = Buffer.alloc(i % 10 === 0 ? 2000 : 20, id);
        confirmed.push(channel.publishConfirmed('', queue, content, { messageId: id }));
      }
      await back;
      await Promise.all(confirmed);
    }
    assert.ok(proxy.count > places.length, 'connections were cut');
    const arrived = new Map();
    for (let message = await observer.get(queue, { noAck: true }); message; ) {
      const { messageId } = message.properties;
      arrived.set(messageId, (arrived.get(messageId) ?? 0) + 1);
      assert.ok(message.content.toString().startsWith(messageId));
      message = await observer.get(queue, { noAck: true });
    }
    assert.equal(arrived.size, sent);
    assert.equal(confirmed.length, sent);
  });
}

onEveryBroker(
  'a channel that is asked for while the connection goes comes on the next',
  async (t, broker) => {
    const setting = await connected(t, broker);
    const back = once(setting.connection, 'connect');
    const asked = [setting.connection.createChannel(), setting.connection.createConfirmChannel()];
    await lose(setting);
    const [plain, confirming] = await Promise.all(asked);
    await back;
    const { queue } = await plain.assertQueue('', { exclusive: true });
    await confirming.publishConfirmed('', queue, Buffer.from('x'));
    assert.equal((await plain.checkQueue(queue)).messageCount, 1);
  },
);

onEveryBroker('the callback API brings back the same', async (t, broker) => {
  const brokerUrl = await broker.open();
  const proxy = await cuttingProxy(t, brokerUrl);
  const called = (start) =>
    new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value))));
  const connection = await called((done) => callbackApi.connect(proxy.url, { recovery: SOON }, done));
  t.after(() => called((done) => connection.close(done)));
  const channel = await called((done) => connection.createConfirmChannel(done));
  const { queue } = await called((done) => channel.assertQueue('', { exclusive: true }, done));
  const received = new Received();
  await called((done) => channel.consume(queue, received.take, { noAck: true }, done));
  const lost = once(connection, 'disconnect');
  const back = once(connection, 'connect');
  const before = called((done) => channel.sendToQueue(queue, Buffer.from('before'), {}, done));
  proxy.cut();
  await lost;
  const during = called((done) => channel.sendToQueue(queue, Buffer.from('during'), {}, done));
  const all = called((done) => channel.waitForConfirms(done));
  await back;
  await Promise.all([before, during, all]);
  assert.deepEqual(new Set(await received.texts(2)), new Set(['before', 'during']));
});

test('the embedded broker ends and another one takes its place', async (t) => {
  const { connection, stopBroker, startBroker } = await onOneSocket(t);
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue(name('queue'));
  await channel.bindQueue(queue, 'amq.fanout', '');
  const received = new Received();
  await channel.consume(queue, received.take);
  await stopBroker();
  const confirmed = channel.publishConfirmed('amq.fanout', '', Buffer.from('x'));
  await startBroker();
  await confirmed;
  const message = await received.next();
  assert.equal(message.content.toString(), 'x');
  channel.ack(message);
});

test('a kept publish that the next broker has no frame for is given up alone', async (t) => {
  const { connection, stopBroker, startBroker } = await onOneSocket(t);
  const channel = await connection.createConfirmChannel();
  const plain = await connection.createChannel();
  const { queue } = await channel.assertQueue(name('queue'));
  const received = new Received();
  await channel.consume(queue, received.take, { noAck: true });
  await stopBroker();
  const failures = [];
  connection.on('connect-failed', ({ message }) => /frame/.test(message) && failures.push(message));
  const headers = { large: 'x'.repeat(8192) };
  const publish = (text, options) => channel.publishConfirmed('', queue, Buffer.from(text), options);
  const publishes = [
    publish('a'),
    publish('b', { headers }),
    publish('c'),
    publish('d', { headers }),
    publish('e'),
  ];
  plain.sendToQueue(queue, Buffer.from('f'), { headers });
  plain.sendToQueue(queue, Buffer.from('g'));
  await startBroker({ frameMax: 4096 });
  const results = await Promise.allSettled(publishes);
  assert.deepEqual(
    results.map(({ status, reason }) => reason?.code ?? status),
    ['fulfilled', 'ERR_AMQP_NOT_PUBLISHED', 'fulfilled', 'ERR_AMQP_NOT_PUBLISHED', 'fulfilled'],
  );
  assert.deepEqual(new Set(await received.texts(4)), new Set(['a', 'c', 'e', 'g']));
  // Tags count what was sent.
  await publish('h');
  assert.deepEqual(failures, []);
});

test('a connection that is lost during setup, which does not notice, is made again', async (t) => {
  const proxy = await cuttingProxy(t, await brokers.at(-1).open());
  let attempts = 0;
  const setup = async (model) => {
    if (++attempts > 1) return;
    const lost = once(model, 'close');
    proxy.cut();
    await lost;
  };
  const connection = await amqplib.connect(proxy.url, { recovery: { ...SOON, setup } });
  t.after(() => connection.close());
  await connection.createChannel();
  assert.equal(attempts, 2);
});

test('of several URLs the first that answers is taken, and after a loss the next', async (t) => {
  const brokerUrl = await brokers.at(-1).open();
  const proxies = [];
  for (let i = 0; i < 3; i++) proxies.push(await cuttingProxy(t, brokerUrl));
  const urls = proxies.map(({ url }) => url);
  const counts = () => proxies.map(({ count }) => count);
  const plain = await amqplib.connect(urls);
  await plain.close();
  assert.deepEqual(counts(), [1, 0, 0]);

  proxies[0].isAway = true;
  const next = await new Promise((resolve, reject) =>
    callbackApi.connect(urls, (error, connection) => (error ? reject(error) : resolve(connection))),
  );
  await new Promise((resolve) => next.close(resolve));
  assert.deepEqual(counts(), [1, 1, 0]);

  const connection = await amqplib.connect(urls, { recovery: SOON });
  t.after(() => connection.close());
  assert.deepEqual(counts(), [1, 2, 0]);
  for (const [index, expected] of [
    [1, [1, 2, 1]],
    [2, [1, 3, 1]],
  ]) {
    const back = once(connection, 'connect');
    proxies[index].cut();
    await back;
    assert.deepEqual(counts(), expected);
  }

  for (const proxy of proxies) proxy.isAway = true;
  await assert.rejects(amqplib.connect(urls), (error) => {
    assert.ok(error instanceof AggregateError);
    assert.equal(error.errors.length, 3);
    assert.equal(error.message, error.errors.map(({ message }) => message).join('; '));
    return true;
  });
  await assert.rejects(amqplib.connect(urls.slice(0, 1)), (error) => !(error instanceof AggregateError));
  await assert.rejects(amqplib.connect([]), TypeError);
  assert.throws(() => callbackApi.connect([], () => {}), TypeError);
});

test('a connect listener that makes its channels again is told that they came back', async (t) => {
  const broker = brokers.at(-1);
  const setting = await connected(t, broker);
  await setting.connection.createChannel();
  const warnings = [];
  const onWarning = (warning) => warnings.push(warning.code);
  process.on('warning', onWarning);
  t.after(() => process.off('warning', onWarning));
  const made = [];
  setting.connection.on('connect', () => made.push(setting.connection.createChannel()));
  await loseAndRegain(setting);
  await loseAndRegain(setting);
  await Promise.all(made);
  assert.deepEqual(warnings, ['OXIPC_CHANNELS_TWICE']);
});
