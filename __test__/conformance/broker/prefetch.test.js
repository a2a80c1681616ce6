'use strict';

const path = require('node:path');
const { compare, take } = require('./compare');

// amqplib has the methods of transactions, but no function for them.
const defs = require(path.join(path.dirname(require.resolve('amqplib')), 'lib', 'defs.js'));

compare('a prefetch for the channel also holds back consumers without acknowledgements', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const [acked, unacked] = [await stage.queue(channel, 'acked'), await stage.queue(channel, 'unacked')];
  await channel.prefetch(1, true);
  channel.sendToQueue(acked, Buffer.from('first'));
  await channel.waitForConfirms();
  const [held] = await take(channel, acked, 1);
  const free = [];
  await channel.consume(unacked, ({ content }) => free.push(content.toString()), { noAck: true });
  channel.sendToQueue(unacked, Buffer.from('second'));
  await channel.waitForConfirms();
  const before = [...free];
  const { messageCount } = await channel.checkQueue(unacked);
  channel.ack(held);
  while (free.length === 0) await channel.checkQueue(unacked);
  return { before, messageCount, free };
});

compare('no queue of a channel is left behind by a prefetch for the channel', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const queues = [];
  for (const suffix of ['a', 'b', 'c']) queues.push(await stage.queue(channel, suffix));
  for (const queue of queues) {
    for (let number = 0; number < 60; number++) channel.sendToQueue(queue, Buffer.from(queue));
  }
  await channel.waitForConfirms();
  await channel.prefetch(2, true);
  const counts = new Map(queues.map((queue) => [queue, 0]));
  let taken = 0;
  await new Promise((resolve, reject) => {
    const consume = (message) => {
      counts.set(message.fields.consumerTag, counts.get(message.fields.consumerTag) + 1);
      channel.ack(message);
      if (++taken === 90) resolve();
    };
    for (const queue of queues) channel.consume(queue, consume, { consumerTag: queue }).catch(reject);
  });
  // How many each has had depends on time; that each has had some does not.
  return [...counts.values()].map((count) => count >= 5);
});

compare('a message acknowledged in an open transaction is not recovered', async (stage) => {
  const channel = await stage.channel();
  const queue = await stage.queue(channel, 'q');
  for (const text of ['a', 'b', 'c', 'd']) channel.sendToQueue(queue, Buffer.from(text));
  const held = [];
  while (held.length < 4) {
    const message = await channel.get(queue);
    if (message) held.push(message);
  }
  await channel.rpc(defs.TxSelect, {}, defs.TxSelectOk);
  channel.ack(held[1]);
  channel.nack(held[2]);
  await channel.recover();
  const again = [];
  for (let message = await channel.get(queue); message; message = await channel.get(queue)) {
    again.push([message.content.toString(), message.fields.redelivered]);
  }
  await channel.rpc(defs.TxRollback, {}, defs.TxRollbackOk);
  await channel.recover();
  const rolledBack = [];
  for (let message = await channel.get(queue); message; message = await channel.get(queue)) {
    rolledBack.push(message.content.toString());
  }
  return { again, rolledBack };
});
