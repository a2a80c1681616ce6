'use strict';

// Codecs under bytes that nobody wrote: the same in each run, a bounded number of them.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const path = require('node:path');
const { isDeepStrictEqual } = require('node:util');
const { test } = require('node:test');

const amqplib = require('../../lib/amqplib');
const { readTable, writeTable } = require('../../lib/amqplib/table');
const { Writer } = require('../../lib/amqplib/writer');
const { createBroker } = require('../../lib/broker');
const { frame, method, shortString, withPeer } = require('../support/scripted-peer');

const codec = require(path.join(path.dirname(require.resolve('amqplib')), 'lib', 'codec.js'));

/** A linear congruential generator (Numerical Recipes). */
class Random {
  #state;

  constructor(seed) {
    this.#state = seed;
  }

  below(bound) {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * bound);
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  bytes(length) {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  value(depth) {
    const simple = [
      () => this.below(2) === 1,
      () => this.below(300) - 150,
      () => this.below(2 ** 32) - 2 ** 31,
      () => this.below(2 ** 50),
      () => this.below(1000) / 7,
      () => 'ä'.repeat(this.below(40)),
      () => null,
      () => this.bytes(this.below(20)),
      () => ({ '!': 'timestamp', value: this.below(2 ** 31) }),
      () => ({ '!': 'byte', value: this.below(128) }),
      () => ({ '!': 'decimal', value: { digits: this.below(2 ** 31), places: this.below(10) } }),
    ];
    if (depth === 0 || this.below(4) > 0) return this.pick(simple)();
    if (this.below(2) === 0) return this.table(depth - 1);
    return Array.from({ length: this.below(5) }, () => this.value(depth - 1));
  }

  table(depth) {
    return Object.fromEntries(
      Array.from({ length: this.below(6) }, (_, index) => [`key${index}`, this.value(depth)]),
    );
  }

  /** The same with some octets changed, perhaps cut off. */
  damaged(bytes) {
    const copy = Buffer.from(bytes);
    for (let count = 1 + this.below(4); count > 0; count--) copy[this.below(copy.length)] = this.below(256);
    return this.below(4) === 0 ? copy.subarray(0, this.below(copy.length)) : copy;
  }
}

function encoded(table) {
  const writer = new Writer();
  writer.begin(1 << 20);
  writeTable(writer, table);
  return Buffer.from(writer.end());
}

test('2,000 field tables are written and read as amqplib writes and reads them', () => {
  const random = new Random(1);
  const space = Buffer.alloc(1 << 16);
  for (let round = 0; round < 2000; round++) {
    const table = random.table(3);
    const bytes = encoded(table);
    const theirs = space.subarray(0, codec.encodeTable(space, table, 0));
    assert.ok(bytes.equals(theirs), `round ${round}`);
    assert.deepEqual(readTable(bytes.subarray(4)), codec.decodeFields(bytes.subarray(4)));
  }
});

test('20,000 damaged field tables are read, or are errors', () => {
  const random = new Random(2);
  let read = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = random.damaged(encoded({ ...random.table(3), last: 1 }).subarray(4));
    try {
      readTable(bytes);
      read++;
    } catch (error) {
      assert.ok(error instanceof Error);
    }
  }
  assert.ok(read > 0 && read < 20_000);
});

const header = (size) => frame(2, 1, Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, size, 0, 0]));
const tag = [0, 0, 0, 0, 0, 0, 0, 1];

test('damaged frames of a broker end a connection in order, or do no harm', async () => {
  const random = new Random(3);
  const delivery = Buffer.concat([
    method(1, 60, 60, shortString('c'), tag, 0, shortString('e'), shortString('k')),
    header(3),
    frame(3, 1, Buffer.from('abc')),
    method(1, 60, 80, tag, 0),
    method(1, 20, 20, 1),
  ]);
  await withPeer(async (url, accept) => {
    for (let round = 0; round < 200; round++) {
      const connecting = amqplib.connect(url);
      const peer = await accept();
      const connection = await connecting;
      connection.on('error', (error) => assert.ok(error.message.length > 0));
      const closed = new Promise((resolve) => connection.on('close', resolve));
      const channel = await connection.createConfirmChannel();
      channel.on('error', (error) => assert.ok(error.message.length > 0));
      const consuming = channel.consume('q', () => {}, { consumerTag: 'c', noAck: true });
      peer.send(method(1, 60, 21, shortString('c')));
      await consuming;
      peer.send(random.damaged(delivery));
      peer.socket.end();
      await closed;
    }
  });
});

test('damaged frames of clients do the embedded broker no harm', async () => {
  const random = new Random(4);
  const broker = await createBroker({ port: 0 });
  const long = (value) => [0, 0, value >> 8, value & 0xff];
  const startOk = method(
    0,
    10,
    11,
    long(0),
    shortString('PLAIN'),
    [...long(12), ...Buffer.from('\0guest\0guest')],
    shortString('en_US'),
  );
  const conversation = Buffer.concat([
    Buffer.from('AMQP\0\0\x09\x01'),
    startOk,
    method(0, 10, 31, [0, 10], [0, 2, 0, 0], [0, 0]),
    method(0, 10, 40, shortString('/'), shortString(''), 0),
    method(1, 20, 10, shortString('')),
    method(1, 50, 10, 0, 0, shortString('fuzz'), 0, long(0)),
    method(1, 60, 40, 0, 0, shortString(''), shortString('fuzz'), 0),
    header(3),
    frame(3, 1, Buffer.from('abc')),
    method(1, 60, 20, 0, 0, shortString('fuzz'), shortString('c'), 0, long(0)),
    method(1, 60, 80, tag, 0),
  ]);
  try {
    for (let round = 0; round < 300; round++) {
      const socket = net.connect(broker.port, '127.0.0.1');
      socket.on('error', () => {}).resume();
      const closed = once(socket, 'close');
      await once(socket, 'connect');
      socket.end(random.damaged(conversation));
      await closed;
    }
    const connection = await amqplib.connect(broker.url);
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    channel.sendToQueue(queue, Buffer.from('well'));
    await channel.checkQueue(queue);
    assert.equal((await channel.get(queue, { noAck: true })).content.toString(), 'well');
    await connection.close();
  } finally {
    await broker.close();
  }
});

test('the generator makes the same in each run', () => {
  assert.ok(isDeepStrictEqual(new Random(7).table(3), new Random(7).table(3)));
});
