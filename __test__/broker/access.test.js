'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const os = require('node:os');
const { test } = require('node:test');
const amqp = require('amqplib');
const { createBroker } = require('../../lib/broker');

const outside = Object.values(os.networkInterfaces())
  .flat()
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
const skip = outside ? false : 'needs an address that is not of the loopback interface';

async function enters(url) {
  const connection = await amqp.connect(url);
  await connection.close();
  return true;
}

test('guest comes in from this machine only, others and by option also guest from elsewhere', {
  skip,
}, async () => {
  const users = [
    { name: 'guest', password: 'guest' },
    { name: 'app', password: 'secret' },
  ];
  const broker = await createBroker({ host: '0.0.0.0', port: 0, users });
  const open = await createBroker({ host: '0.0.0.0', port: 0, loopbackUsers: [] });
  const confined = await createBroker({ host: '0.0.0.0', port: 0, users, loopbackUsers: ['app'] });
  try {
    assert.ok(await enters(`amqp://guest:guest@127.0.0.1:${broker.port}`));
    await assert.rejects(enters(`amqp://guest:guest@${outside}:${broker.port}`), /403 \(ACCESS-REFUSED\)/);
    assert.ok(await enters(`amqp://app:secret@${outside}:${broker.port}`));
    assert.ok(await enters(`amqp://guest:guest@${outside}:${open.port}`));
    await assert.rejects(enters(`amqp://app:secret@${outside}:${confined.port}`), /403 \(ACCESS-REFUSED\)/);
  } finally {
    await Promise.all([broker.close(), open.close(), confined.close()]);
  }
});

test('a UNIX socket counts as this machine', async (t) => {
  const path = `${os.tmpdir()}/oxipc-access-${process.pid}.sock`;
  const broker = await createBroker({ path });
  t.after(() => broker.close());
  const socket = net.connect(path);
  socket.write('AMQP\0\0\x09\x01', 'latin1');
  await once(socket, 'data');
  const start = Buffer.from('\x00\x00\x00\x00\x05PLAIN\x00\x00\x00\x0c\0guest\0guest\x05en_US', 'latin1');
  const method = Buffer.concat([Buffer.from([0, 10, 0, 11]), start]);
  const head = Buffer.from([1, 0, 0, 0, 0, 0, method.length]);
  socket.write(Buffer.concat([head, method, Buffer.from([0xce])]));
  const [answer] = await once(socket, 'data');
  // connection.tune
  assert.deepEqual([...answer.subarray(7, 11)], [0, 10, 0, 30]);
  socket.destroy();
});

test('definitions of one vhost, which have none, are refused', async () => {
  const queue = { name: 'orders', durable: true, auto_delete: false, arguments: {} };
  const exchange = {
    name: 'x',
    type: 'direct',
    durable: true,
    auto_delete: false,
    internal: false,
    arguments: {},
  };
  const binding = {
    source: 'amq.direct',
    destination: 'orders',
    destination_type: 'queue',
    routing_key: '',
    arguments: {},
  };
  for (const definitions of [{ queues: [queue] }, { exchanges: [exchange] }, { bindings: [binding] }]) {
    await assert.rejects(createBroker({ port: 0, definitions }), /no vhost is given/);
  }
});
