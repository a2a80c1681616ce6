'use strict';

// Transactions, queues that expire, clients that fall silent.

const path = require('node:path');
const { compare } = require('./compare');

// amqplib has the methods of transactions, but no function for them.
const defs = require(path.join(path.dirname(require.resolve('amqplib')), 'lib', 'defs.js'));

const select = (channel) => channel.rpc(defs.TxSelect, {}, defs.TxSelectOk);
const commit = (channel) => channel.rpc(defs.TxCommit, {}, defs.TxCommitOk);
const rollback = (channel) => channel.rpc(defs.TxRollback, {}, defs.TxRollbackOk);

async function outcome(promise) {
  try {
    await promise;
    return 'done';
  } catch ({ message, code }) {
    return { message, code };
  }
}

compare('a transaction is seen by others when it is committed', async (stage) => {
  const [channel, other] = [await stage.channel(), await stage.channel()];
  const queue = await stage.queue(channel, 'q');
  const count = async () => (await other.checkQueue(queue)).messageCount;
  const counts = [];
  await select(channel);
  for (let index = 0; index < 3; index++) channel.sendToQueue(queue, Buffer.from(`${index}`));
  // Behind the publishes on their channel.
  await channel.checkQueue(queue);
  counts.push(await count());
  await commit(channel);
  counts.push(await count());
  channel.sendToQueue(queue, Buffer.from('never'));
  await rollback(channel);
  counts.push(await count());

  // Acknowledgements are part of it: a rollback takes them back, though not the delivery.
  const first = await channel.get(queue);
  channel.ack(first);
  await rollback(channel);
  counts.push(await count());
  channel.ack(first);
  await commit(channel);
  const second = await channel.get(queue);
  channel.ack(second);
  await channel.close();
  counts.push(await count());
  const again = await other.get(queue);
  return {
    counts,
    first: first.content.toString(),
    again: again.content.toString(),
    redelivered: again.fields.redelivered,
  };
});

compare('a channel has either transactions or confirms', async (stage) => {
  const confirming = await stage.channel({ confirm: true });
  const selecting = await stage.channel();
  await select(selecting);
  const plain = await stage.channel();
  return [
    await outcome(select(confirming)),
    await outcome(selecting.rpc(defs.ConfirmSelect, { nowait: false }, defs.ConfirmSelectOk)),
    await outcome(commit(plain)),
  ];
});

compare('a queue that nobody uses expires, one with a consumer does not', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const returned = new Set();
  channel.on('return', ({ fields }) => returned.add(fields.routingKey));
  const gone = async (queue) => {
    // To publish is not to use.
    while (!returned.has(queue)) {
      channel.publish('', queue, Buffer.from('x'), { mandatory: true });
      await channel.waitForConfirms();
    }
  };
  const used = await stage.queue(channel, 'used', { expires: 100 });
  const { consumerTag } = await channel.consume(used, () => {}, { noAck: true });
  const unused = await stage.queue(channel, 'unused', { expires: 400 });
  await gone(unused);
  const left = await outcome(channel.checkQueue(used));
  await channel.cancel(consumerTag);
  await gone(used);
  return left;
});

compare('a client that falls silent is given up', async (stage) => {
  stage.url = `${stage.url}?heartbeat=1`;
  const connection = await stage.connect();
  const { heartbeat, heartbeater } = connection.connection;
  // Neither sent nor expected any more.
  heartbeater.clear();
  await new Promise((resolve) => connection.on('close', resolve));
  return { heartbeat };
});
