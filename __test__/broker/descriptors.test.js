'use strict';

// A broker that has no descriptor left for a client takes it once there is one.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const path = require('node:path');
const { test } = require('node:test');

const amqp = require('amqplib');

const OPEN_FILES = 64;

test('clients that come while there are no descriptors are served when there are', async (t) => {
  const program = path.join(__dirname, 'descriptors-program.js');
  const limited = `ulimit -n ${OPEN_FILES} && exec "$0" "$1"`;
  const child = spawn('sh', ['-c', limited, process.execPath, program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [url] = await once(child, 'message');
  const ask = async (order) => {
    child.send(order);
    return (await once(child, 'message'))[0];
  };

  const before = await amqp.connect(url);
  const channel = await before.createConfirmChannel();
  for (let round = 0; round < 2; round++) {
    assert.equal(await ask('fill'), 'EMFILE');
    // Connected as far as the kernel is concerned.
    const sockets = Array.from({ length: 3 }, () => net.connect(new URL(url).port, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const greetings = sockets.map((socket) => {
      socket.write('AMQP\x00\x00\x09\x01');
      return once(socket, 'data');
    });
    const waiting = amqp.connect(url);
    // Those it has are served meanwhile.
    const { queue } = await channel.assertQueue('', { exclusive: true });
    channel.sendToQueue(queue, Buffer.from('x'));
    await channel.waitForConfirms();
    assert.equal(await ask('free'), 'freed');
    await Promise.all(greetings);
    await (await waiting).close();
    for (const socket of sockets) socket.destroy();
  }
  await before.close();
  child.disconnect();
  await once(child, 'exit');
});
