'use strict';

// `connection.connection.stream` as a socket: options, counters, the timer, and that it lets the process end.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');

const { next, sideBySideAlone } = require('./side-by-side');
const { frame, method, shortString, withPeer } = require('../../support/scripted-peer');

const run = promisify(execFile);
const METHODS = [
  'ref',
  'unref',
  'setNoDelay',
  'setKeepAlive',
  'setTimeout',
  'address',
  'pause',
  'resume',
].concat(['isPaused', 'cork', 'uncork', 'end', 'destroy', 'destroySoon', 'resetAndDestroy']);
const COUNTERS = ['bytesRead', 'bytesWritten', 'writableLength', 'readableLength', 'timeout'];

async function open(scenario, use) {
  await withPeer(async (url, accept) => {
    const connecting = scenario.library.connect(url);
    const peer = await accept();
    const connection = await connecting;
    await use({ connection, peer, stream: connection.connection.stream });
  });
}

sideBySideAlone('what a socket has is there', (scenario) =>
  open(scenario, async ({ connection, stream }) => {
    for (const name of METHODS) scenario.write(name, typeof stream[name]);
    for (const name of COUNTERS) scenario.write(name, typeof stream[name]);
    for (const name of ['ref', 'unref', 'setNoDelay', 'setKeepAlive', 'pause', 'resume']) {
      scenario.write(name, stream[name](true, 1000) === stream);
    }
    scenario.write(stream.setTimeout(0) === stream, stream.timeout, stream.connecting, stream.allowHalfOpen);
    stream.ref();
    await connection.close();
  }),
);

sideBySideAlone('what has arrived is counted', (scenario) =>
  open(scenario, async ({ connection, peer, stream }) => {
    scenario.write(stream.bytesRead);
    for (let count = 0; count < 3; count++) {
      const seen = next(connection, 'blocked');
      peer.send(frame(8, 0, Buffer.alloc(0)), method(0, 10, 60, shortString('why')));
      await seen;
      scenario.write(stream.bytesRead);
    }
    await connection.close();
    scenario.write(stream.bytesRead);
  }),
);

sideBySideAlone('what was sent is counted', (scenario) =>
  open(scenario, async ({ connection, peer, stream }) => {
    const channel = await connection.createChannel();
    const before = stream.bytesWritten;
    for (const size of [0, 100, 5000, 300_000]) {
      channel.publish('', 'q', Buffer.alloc(size));
      channel.ack({ fields: { deliveryTag: 1 } });
      // Behind the publish.
      await peer.receive('60.80');
      scenario.write(size, stream.bytesWritten - before, stream.writableLength);
    }
    await connection.close();
  }),
);

sideBySideAlone('arguments that a socket refuses', (scenario) =>
  open(scenario, async ({ connection, stream }) => {
    for (const args of [['x'], [-1], [NaN], [1, 'x'], [null], [undefined]]) {
      await scenario.outcome(String(args), async () => stream.setTimeout(...args) === stream);
      stream.setTimeout(0);
    }
    await connection.close();
  }),
);

sideBySideAlone('silence is a time-out, and hurts nothing', (scenario) =>
  open(scenario, async ({ connection, peer, stream }) => {
    scenario.watch('connection', connection, ['error', 'close']);
    const first = new Promise((resolve) => stream.setTimeout(5, resolve));
    await first;
    scenario.write('first', stream.timeout);
    const second = next(stream, 'timeout');
    peer.send(frame(8, 0, Buffer.alloc(0)));
    await second;
    scenario.write('second', stream.destroyed);
    stream.setTimeout(0);
    await connection.close();
  }),
);

sideBySideAlone('a stream that is gone takes everything', (scenario) =>
  open(scenario, async ({ connection, stream }) => {
    const closed = next(stream, 'close');
    await connection.close();
    await closed;
    for (const name of ['ref', 'unref', 'setNoDelay', 'setKeepAlive', 'setTimeout', 'pause', 'resume']) {
      scenario.write(name, stream[name](1) === stream);
    }
    scenario.write(stream.writableLength, stream.destroyed, { ...stream.address() });
  }),
);

// The peer is in this process, the program under test in another.
async function runs(library, actions) {
  const file = path.join(__dirname, '..', '..', '..', library);
  const script = `
    const amqplib = require(${JSON.stringify(file)});
    amqplib.connect(process.argv[1]).then(async (connection) => {
      const { stream } = connection.connection;
      const channel = await connection.createChannel();
      ${actions}
      process.on('exit', () => console.log('end'));
    });`;
  return withPeer(async (url) => {
    const { stdout } = await run(process.execPath, ['-e', script, url]);
    return stdout;
  });
}

for (const library of ['node_modules/amqplib', 'lib/amqplib']) {
  test(`unref lets the process end (${library})`, async () => {
    assert.equal(await runs(library, 'stream.unref();'), 'end\n');
  });

  test(`ref holds it again (${library})`, async () => {
    const actions = `
      stream.unref().ref();
      channel.publish('', 'q', Buffer.from('x'));
      // By itself the timer holds nothing.
      setTimeout(() => { console.log('alive'); stream.unref(); }, 100).unref();`;
    assert.equal(await runs(library, actions), 'alive\nend\n');
  });
}

sideBySideAlone('the window of unconfirmed publishes', (scenario) =>
  open(scenario, async ({ connection, peer }) => {
    const channel = await connection.createConfirmChannel();
    const callback = () => {};
    const look = () =>
      scenario.write(channel.unconfirmed.map((place) => (place === callback ? 'callback' : place)));
    look();
    channel.publish('', 'q', Buffer.from('1'), {}, callback);
    channel.publish('', 'q', Buffer.from('2'));
    channel.publish('', 'q', Buffer.from('3'), {}, callback);
    look();
    for (const [tag, multiple] of [
      [2, 0],
      [1, 0],
      [3, 1],
    ]) {
      const acked = next(channel, 'ack');
      peer.send(method(1, 60, 80, [0, 0, 0, 0, 0, 0, 0, tag, multiple]));
      await acked;
      look();
    }
    channel.publish('', 'q', Buffer.from('4'));
    await connection.close();
    look();
  }),
);

sideBySideAlone('a channel without confirms has an empty window', (scenario) =>
  open(scenario, async ({ connection }) => {
    const channel = await connection.createChannel();
    channel.publish('', 'q', Buffer.from('1'));
    scenario.write(channel.unconfirmed);
    await connection.close();
  }),
);
