'use strict';

// The programs of examples/tutorials, in both APIs, against both brokers.

const { test } = require('node:test');
const amqplib = require('amqplib');
const { Programs } = require('../../scripts/demo/programs');
const { brokers } = require('../support/brokers');

const QUEUES = ['tutorial.hello', 'tutorial.tasks', 'tutorial.rpc'];
const EXCHANGES = ['tutorial.logs', 'tutorial.logs.by-severity', 'tutorial.logs.by-topic'];

async function removeAll(url) {
  const connection = await amqplib.connect(url);
  const channel = await connection.createChannel();
  for (const queue of QUEUES) await channel.deleteQueue(queue);
  for (const exchange of EXCHANGES) await channel.deleteExchange(exchange);
  await connection.close();
}

async function helloWorld(start) {
  const receiver = start('hello-world/receive.js');
  await receiver.says(/^Waiting for messages$/);
  const sender = start('hello-world/send.js');
  await sender.ends();
  await receiver.says(/^Received: Hello World!$/);
  await receiver.ends('SIGTERM');
}

async function workQueues(start) {
  const send = (task) => start('work-queues/new-task.js', ...task.split(' ')).ends();
  await send('easy');
  const workers = [start('work-queues/worker.js')];
  await workers[0].says(/^Done: easy$/);
  // A minute of work: it is in the middle of it when it is killed.
  const hard = `hard ${'.'.repeat(60)}`;
  await send(hard);
  await workers[0].says(/^Received: hard/);
  workers.push(start('work-queues/worker.js'));
  await workers[1].says(/^Waiting for tasks$/);
  // The first worker is busy, so the other gets what comes meanwhile.
  for (const task of ['second', 'third']) await send(task);
  await workers[1].says(/^Done: second$/);
  await workers[1].says(/^Done: third$/);
  await workers[0].kill();
  await workers[1].says(/^Took over: hard/);
}

async function publishSubscribe(start) {
  const receivers = [start('publish-subscribe/receive-logs.js'), start('publish-subscribe/receive-logs.js')];
  for (const receiver of receivers) await receiver.says(/^Waiting for logs$/);
  await start('publish-subscribe/emit-log.js', 'disk', 'full').ends();
  for (const receiver of receivers) {
    await receiver.says(/^Received: disk full$/);
    await receiver.ends('SIGTERM');
  }
}

/** Publishes the lines and expects a receiver of `keys` to print `expected`, neither more nor less. */
async function filtered(start, folder, keys, lines, expected) {
  const receiver = start(`${folder}/receive-logs.js`, ...keys);
  await receiver.says(/^Waiting for/);
  for (const [key, text] of lines) await start(`${folder}/emit-log.js`, key, text).ends();
  for (const line of expected) await receiver.says(new RegExp(`^Received: ${line}$`), { next: true });
  await receiver.ends('SIGTERM');
}

async function routing(start) {
  const lines = [
    ['info', 'one'],
    ['error', 'two'],
    ['debug', 'three'],
    ['warning', 'four'],
  ];
  await filtered(start, 'routing', ['warning', 'error'], lines, ['error: two', 'warning: four']);
}

async function topics(start) {
  const lines = [
    ['kernel.info', 'one'],
    ['cron.info', 'two'],
    ['cron.daily.critical', 'three'],
    ['kernel.critical', 'four'],
  ];
  const expected = ['kernel.info: one', 'cron.daily.critical: three', 'kernel.critical: four'];
  await filtered(start, 'topics', ['kernel.*', '#.critical'], lines, expected);
}

async function rpc(start) {
  const server = start('rpc/server.js');
  await server.says(/^Waiting for requests$/);
  const client = start('rpc/client.js', '10', '20');
  await client.says(/^fibonacci\(10\) = 55$/);
  await client.says(/^fibonacci\(20\) = 6765$/);
  await client.ends();
  await server.ends('SIGTERM');
}

const TUTORIALS = { helloWorld, workQueues, publishSubscribe, routing, topics, rpc };

for (const broker of brokers) {
  for (const api of ['promise', 'callback-api']) {
    for (const [name, run] of Object.entries(TUTORIALS)) {
      test(`${name} works with the ${api} programs (${broker.name})`, { skip: broker.skip }, async (t) => {
        const url = await broker.open();
        await removeAll(url);
        const programs = new Programs(undefined, { AMQP_URL: url });
        t.after(async () => {
          await programs.kill();
          await removeAll(url);
        });
        await run((file, ...args) => programs.start(`tutorials/${api}/${file}`, ...args));
      });
    }
  }
}
