'use strict';

// Confirm channels.

const { next, sideBySide } = require('./side-by-side');

sideBySide('callbacks run once each, in order, with null', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const order = [];
  for (let index = 0; index < 50; index++) {
    channel.sendToQueue(queue, Buffer.from('x'), {}, (...values) => order.push([index, ...values]));
    channel.publish('', queue, Buffer.from('y'));
  }
  scenario.write(await channel.waitForConfirms());
  scenario.write(order);
  scenario.write(await channel.waitForConfirms());
  scenario.write(await channel.checkQueue(queue));
  await connection.close();
});

sideBySide('a refused message gives a nack', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createConfirmChannel();
  const full = { exclusive: true, maxLength: 1, overflow: 'reject-publish' };
  const { queue } = await channel.assertQueue('', full);
  const results = [];
  let sent;
  for (let index = 0; index < 3; index++) {
    sent = new Promise((resolve) => {
      channel.sendToQueue(queue, Buffer.from('x'), {}, (error) => {
        results.push(error);
        resolve();
      });
    });
    await sent;
  }
  scenario.write(results);
  channel.sendToQueue(queue, Buffer.from('x'));
  await scenario.outcome('waitForConfirms', () => channel.waitForConfirms());
  await connection.close();
});

sideBySide('closing with unconfirmed messages fails them after error and before close', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createConfirmChannel();
  scenario.watch('channel', channel, ['error', 'close']);
  const closed = next(channel, 'close');
  channel.publish(scenario.name('missing'), '', Buffer.from('x'), {}, (error) =>
    scenario.write('first', error),
  );
  channel.publish(scenario.name('missing'), '', Buffer.from('x'));
  channel.publish(scenario.name('missing'), '', Buffer.from('x'), {}, (error) =>
    scenario.write('third', error),
  );
  const waiting = scenario.outcome('waiting', () => channel.waitForConfirms());
  await closed;
  await waiting;
  await scenario.outcome('later', () => channel.waitForConfirms());
  await scenario.outcome('again', () => channel.waitForConfirms());
  await scenario.outcome('publish', () => channel.publish('', '', Buffer.from('x'), {}, () => {}));
  await connection.close();
});
