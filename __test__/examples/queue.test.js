'use strict';

const test = require('node:test');
const { Programs } = require('../../scripts/demo/programs');
const { rabbitmq } = require('../support/rabbitmq');

async function sendAndReceive(programs, url) {
  const consumer = programs.start('consumer.js', url);
  await consumer.says(/^Waiting for messages in oxipc-example$/);
  const publisher = programs.start('publisher.js', url);
  await publisher.says(/^Sent: Hello from the publisher$/);
  await consumer.says(/^Received: Hello from the publisher$/);
  await publisher.ends();
  await consumer.ends('SIGTERM');
}

function programsOf(t) {
  const programs = new Programs();
  t.after(() => programs.kill());
  return programs;
}

test('consumer.js receives from publisher.js through broker.js, which ends on SIGTERM', async (t) => {
  const programs = programsOf(t);
  const broker = programs.start('broker.js', '0');
  const [, url] = await broker.says(/^Broker listening on (amqp:.*)$/);
  await sendAndReceive(programs, url);
  await broker.ends('SIGTERM');
});

test('consumer.js receives from publisher.js through RabbitMQ', { skip: rabbitmq.skip }, async (t) => {
  await sendAndReceive(programsOf(t), rabbitmq.url);
});

test('publisher.js says that there is no broker, and ends with 1', async (t) => {
  // Port 1 (tcpmux) is below the ports that anything of ours listens on.
  const publisher = programsOf(t).start('publisher.js', 'amqp://127.0.0.1:1');
  await publisher.says(/^Publisher failed: connect ECONNREFUSED/);
  await publisher.ends(undefined, 1);
});
