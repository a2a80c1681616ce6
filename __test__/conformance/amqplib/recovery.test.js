'use strict';

// `recovery` of connect: attempts, delays, events, giving up.

const { next, sideBySideAlone } = require('./side-by-side');
const { withPeer } = require('../../support/scripted-peer');

const EVENTS = ['connect-failed', 'reconnect-failed', 'disconnect', 'error', 'close'];
// Delays without chance, so that they can be compared. amqplib's channels stay away, as ours do with `channels: false`.
const SOON = { initialDelay: 1, maxDelay: 4, jitter: 0, channels: false };

function watch(scenario, connection) {
  scenario.watch('recovering', connection, EVENTS);
  connection.on('connect', () => scenario.write('connect'));
  connection.on('reconnect-scheduled', (info) => scenario.write('reconnect-scheduled', info));
}

sideBySideAlone('a lost connection comes back, with its setup', (scenario) =>
  withPeer(async (url, accept) => {
    let setups = 0;
    const recovery = {
      ...SOON,
      setup: async (model) => {
        await model.createChannel();
        setups++;
      },
    };
    const connecting = scenario.library.connect(url, { recovery });
    const first = await accept();
    const connection = await connecting;
    watch(scenario, connection);
    const channel = await connection.createChannel();
    channel.on('error', (error) => scenario.write('channel', error));
    channel.on('close', () => scenario.write('channel close'));
    const back = next(connection, 'connect');
    const lost = next(connection, 'disconnect');
    first.socket.destroy();
    await lost;
    const during = connection.createChannel();
    await accept();
    await back;
    scenario.write('setups', setups, (await during) !== channel);
    await connection.close();
    await connection.close();
    await scenario.outcome('after', () => connection.createChannel());
  }),
);

sideBySideAlone('attempts that fail are counted, delayed and given up', async (scenario) => {
  let port;
  await withPeer(async (url) => {
    port = new URL(url).port;
  });
  const url = `amqp://127.0.0.1:${port}`;
  const hide = (error) => {
    error.message = error.message.replace(port, 'PORT');
    error.port = 'PORT';
    return error;
  };
  for (const recovery of [
    { ...SOON, maxRetries: 3, waitForConnect: false },
    { ...SOON, maxRetries: 5, initialMaxRetries: 1, waitForConnect: false },
    { ...SOON, maxRetries: 2, calculateDelay: (attempt) => attempt * 1.4, waitForConnect: false },
    { ...SOON, calculateDelay: () => 'soon', waitForConnect: false },
    {
      ...SOON,
      waitForConnect: false,
      calculateDelay: () => {
        throw new Error('mine');
      },
    },
    { ...SOON, maxRetries: 0, waitForConnect: false },
  ]) {
    const connection = await scenario.library.connect(url, { recovery });
    connection.on('connect-failed', (error) => scenario.write('connect-failed', hide(error)));
    connection.on('reconnect-scheduled', ({ attempt, delay, error }) =>
      scenario.write('reconnect-scheduled', attempt, delay, hide(error)),
    );
    const channel = scenario.outcome('channel', () => connection.createChannel());
    const [error] = await next(connection, 'reconnect-failed');
    scenario.write('reconnect-failed', hide(error));
    await channel;
    await scenario.outcome('later', () => connection.createChannel());
    await scenario.outcome('wait', () => connection.waitForConnect());
    await connection.close();
  }
  await scenario.outcome('waiting', async () => {
    try {
      return await scenario.library.connect(url, { recovery: { ...SOON, maxRetries: 1 } });
    } catch (error) {
      throw hide(error);
    }
  });
  await scenario.outcome('disabled', async () => {
    try {
      return await scenario.library.connect(url, { recovery: { enabled: false } });
    } catch (error) {
      throw hide(error);
    }
  });
});

sideBySideAlone('a setup that fails is an attempt that fails', (scenario) =>
  withPeer(async (url, accept) => {
    let calls = 0;
    const setups = [
      () => Promise.reject(new Error('rejected')),
      () => {
        throw new Error('thrown');
      },
      (_model, done) => done(new Error('called back')),
      (_model, done) => done('text'),
      (_model, done) => done(),
    ];
    for (const setup of setups) {
      const accepted = accept();
      const recovery = { ...SOON, maxRetries: 0, setup };
      await scenario.outcome(calls++, async () => {
        const connection = await scenario.library.connect(url, { recovery });
        await connection.close();
        return 'connected';
      });
      await accepted;
    }
  }),
);

sideBySideAlone('closing before the first connection ends the attempts', (scenario) =>
  withPeer(async (url) => {
    const connection = await scenario.library.connect(url, { recovery: { waitForConnect: false } });
    watch(scenario, connection);
    const waiting = scenario.outcome('wait', () => connection.waitForConnect());
    const channel = scenario.outcome('channel', () => connection.createChannel());
    await connection.close();
    await Promise.all([waiting, channel]);
  }),
);

sideBySideAlone('the callback API recovers alike', (scenario) =>
  withPeer(async (url, accept) => {
    const { callbackLibrary } = scenario;
    const called = (start) => new Promise((resolve) => start((...values) => resolve(values)));
    let returned;
    const connecting = called((done) => {
      returned = callbackLibrary.connect(url, { recovery: SOON }, done);
    });
    const first = await accept();
    const [error, connection] = await connecting;
    scenario.write(error, connection === returned);
    watch(scenario, connection);
    const [, channel] = await called((done) => connection.createChannel(done));
    channel.on('error', () => {});
    const back = next(connection, 'connect');
    first.socket.destroy();
    await accept();
    await back;
    scenario.write((await called((done) => connection.createConfirmChannel({}, done))).length > 0);
    scenario.write(await called((done) => connection.close(done)));
    scenario.write(await called((done) => connection.createChannel(done)));
    const later = await called((done) =>
      callbackLibrary.connect(url, { recovery: { ...SOON, waitForConnect: false } }, done),
    );
    scenario.write(later[0], (await called((done) => later[1].waitForConnect(done)))[0]);
    await called((done) => later[1].close(done));
  }),
);
