'use strict';

// What callbacks and consumers throw while a domain is active. In a file of its own: a loaded domain module is for ever.

const domain = require('node:domain');

const { next, sideBySide } = require('./side-by-side');

/** Runs `action` in a domain whose errors are written down. */
function inDomain(scenario, action) {
  const active = domain.create();
  active.on('error', (error) => scenario.write('domain', error));
  return active.run(action);
}

sideBySide('what a callback throws in a domain', async (scenario) => {
  await inDomain(scenario, async () => {
    const connection = await new Promise((resolve, reject) => {
      scenario.callbackLibrary.connect(scenario.url, (error, opened) =>
        error ? reject(error) : resolve(opened),
      );
    });
    scenario.watch('connection', connection, ['error', 'close']);
    const closed = next(connection, 'close');
    connection.createChannel(() => {
      throw new TypeError('mine');
    });
    await closed;
  });
});

sideBySide('what a consumer throws in a domain', async (scenario) => {
  await inDomain(scenario, async () => {
    const connection = await scenario.connect();
    const channel = await connection.createChannel();
    scenario.watch('channel', channel, ['error', 'close']);
    const closed = next(channel, 'close');
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.consume(queue, () => {
      throw new TypeError('mine');
    });
    channel.sendToQueue(queue, Buffer.from('x'));
    await closed;
    await connection.close();
  });
});
