'use strict';

// Connects with a heartbeat of two seconds, does nothing else for 20, and tells whether the connection still works.
//   node blocked.js URL

const { connect } = require('../../../lib/amqplib');

const BLOCKED_MS = 20_000;

async function main() {
  const connection = await connect(`${process.argv[2]}?heartbeat=2`);
  const events = [];
  for (const event of ['error', 'close']) connection.on(event, (error) => events.push([event, `${error}`]));
  const { heartbeat } = connection.connection;
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const before = performance.now();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCKED_MS);
  const isBlocked = performance.now() - before >= BLOCKED_MS;
  await channel.publishConfirmed('', queue, Buffer.from('x'));
  const { messageCount } = await channel.checkQueue(queue);
  process.send({ heartbeat, isBlocked, messageCount, events });
  await connection.close();
  process.disconnect();
}

main();
