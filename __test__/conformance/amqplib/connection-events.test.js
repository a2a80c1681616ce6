'use strict';

// What a connection tells when the broker closes, blocks, breaks off, is silent or sends nonsense.

const { next, sideBySideAlone } = require('./side-by-side');
const { close, frame, method, shortString, withPeer } = require('../../support/scripted-peer');

const EVENTS = ['close', 'error', 'blocked', 'unblocked', 'update-secret-ok'];

/** A connection to a scripted peer with one channel, all events written down. */
async function watched(scenario, use, options) {
  await withPeer(async (url, accept) => {
    const connecting = scenario.library.connect(url);
    const peer = await accept();
    const connection = await connecting;
    const channel = await connection.createChannel();
    scenario.watch('connection', connection, EVENTS);
    scenario.watch('channel', channel, ['close', 'error', 'cancel', 'return']);
    await use({ connection, channel, peer });
  }, options);
}

for (const code of [541, 320, 200, 504, 999]) {
  sideBySideAlone(`the server closes the connection with ${code}`, (scenario) =>
    watched(scenario, async ({ connection, channel, peer }) => {
      const closed = next(connection, 'close');
      const pending = scenario.outcome('pending', () => channel.assertQueue('q'));
      const behind = scenario.outcome('behind', () => channel.assertQueue('r'));
      await peer.receive('50.10');
      peer.send(close(0, code, 'why', 50, 10));
      await closed;
      await Promise.all([pending, behind]);
      await peer.receive('10.51');
      await scenario.outcome('after', () => channel.assertQueue('q'));
      await scenario.outcome('channel after', () => connection.createChannel());
      await scenario.outcome('close after', () => connection.close());
    }),
  );
}

sideBySideAlone('the socket ends', (scenario) =>
  watched(scenario, async ({ connection, channel, peer }) => {
    const closed = next(connection, 'close');
    const pending = scenario.outcome('pending', () => channel.assertQueue('q'));
    await peer.receive('50.10');
    peer.socket.end();
    await closed;
    await pending;
    await scenario.outcome('after', () => channel.publish('', '', Buffer.from('')));
  }),
);

sideBySideAlone('the socket is reset', (scenario) =>
  watched(scenario, async ({ connection, peer }) => {
    const closed = next(connection, 'close');
    peer.socket.resetAndDestroy();
    await closed;
  }),
);

const NONSENSE = {
  'a frame type that there is not': () => frame(9, 1, Buffer.from('nine')),
  'a frame without its end': () => Buffer.from([1, 0, 1, 0, 0, 0, 1, 0, 0]),
  'a frame that is too large': () => Buffer.from([1, 0, 1, 0x7f, 0xff, 0xff, 0xff, 0]),
  'a frame on a channel that there is not': () => method(5, 60, 80, [0, 0, 0, 0, 0, 0, 0, 1, 0]),
  'an answer on channel 0 that nothing asked for': () => method(0, 10, 41, 0),
};
for (const [label, make] of Object.entries(NONSENSE)) {
  sideBySideAlone(`the peer sends ${label}`, (scenario) =>
    watched(scenario, async ({ connection, peer }) => {
      const failed = next(connection, 'error');
      peer.send(make());
      await failed;
    }),
  );
}

sideBySideAlone('blocked and unblocked are told, closing while blocked closes at once', (scenario) =>
  watched(scenario, async ({ connection, peer }) => {
    let told = next(connection, 'blocked');
    peer.send(method(0, 10, 60, shortString('low on memory')));
    await told;
    told = next(connection, 'unblocked');
    peer.send(method(0, 10, 61));
    await told;
    told = next(connection, 'blocked');
    peer.send(method(0, 10, 60, shortString('again')));
    await told;
    await scenario.outcome('close', () => connection.close());
    await scenario.outcome('close again', () => connection.close());
  }),
);

sideBySideAlone('updateSecret resolves when the server has taken it', (scenario) =>
  watched(scenario, async ({ connection, peer }) => {
    const updating = scenario.outcome('update', () => connection.updateSecret(Buffer.from('new'), 'expired'));
    const { bytes } = await peer.receive('10.70');
    scenario.write(bytes);
    peer.send(method(0, 10, 71));
    await updating;
    await scenario.outcome('text', () => connection.updateSecret('new', 'expired'));
    await scenario.outcome('no reason', () => connection.updateSecret(Buffer.from('new')));
  }),
);

sideBySideAlone('a listener that throws is told to handler-error listeners of the channel', (scenario) =>
  watched(scenario, async ({ channel, peer }) => {
    const heard = next(channel, 'handler-error');
    channel.on('error', () => {
      throw new Error('mine');
    });
    peer.send(close(1, 404, 'gone'));
    scenario.write(await heard);
  }),
);

sideBySideAlone('silence for two heartbeats ends the connection', (scenario) =>
  watched(
    scenario,
    async ({ connection, peer }) => {
      const closed = next(connection, 'close');
      await peer.receive('frame 8');
      await closed;
    },
    { heartbeat: 1 },
  ),
);

sideBySideAlone('a channel that the server closes between operations', (scenario) =>
  watched(scenario, async ({ channel, peer }) => {
    const closed = next(channel, 'close');
    peer.send(close(1, 406, 'PRECONDITION_FAILED - why', 60, 80));
    await closed;
    await peer.receive('20.41');
    await scenario.outcome('after', () => channel.ack({ fields: { deliveryTag: 1 } }));
    await scenario.outcome('get after', () => channel.get('q'));
    await scenario.outcome('consume after', () => channel.consume('q', () => {}));
    await scenario.outcome('close after', () => channel.close());
  }),
);

sideBySideAlone('the server closes a channel while the client closes it', (scenario) =>
  watched(scenario, async ({ channel, peer }) => {
    const closing = scenario.outcome('close', () => channel.close());
    await peer.receive('20.40');
    peer.send(close(1, 404, 'crossed'));
    await peer.receive('20.41');
    peer.send(method(1, 20, 41));
    await closing;
  }),
);

sideBySideAlone('an answer that does not fit closes the channel', (scenario) =>
  watched(scenario, async ({ channel, peer }) => {
    const declaring = scenario.outcome('declare', () => channel.assertQueue('q'));
    await peer.receive('50.10');
    peer.send(method(1, 50, 31, 0, 0, 0, 5));
    const { bytes } = await peer.receive('20.40');
    scenario.write(bytes);
    await declaring;
    const closed = next(channel, 'close');
    peer.send(method(1, 20, 41));
    await closed;
  }),
);

sideBySideAlone('the methods of the specification go out byte for byte', (scenario) =>
  watched(scenario, async ({ channel, peer }) => {
    const args = { text: 'text', list: [1, { a: true }], none: null, half: 0.5 };
    const operations = {
      50.1: [channel.assertQueue('q', { arguments: args, durable: false, exclusive: true, messageTtl: 5 })],
    };
    scenario.write(Object.keys(operations).length, (await peer.receive('50.10')).bytes);
    channel.publish('e', 'k', Buffer.from('body'), { headers: args, mandatory: true, priority: 3 });
    scenario.write((await peer.receive('60.40')).bytes);
    scenario.write((await peer.receive('frame 2')).bytes, (await peer.receive('frame 3')).bytes);
    channel.ack({ fields: { deliveryTag: 2 ** 40 + 1 } }, true);
    scenario.write((await peer.receive('60.80')).bytes);
    channel.nack({ fields: { deliveryTag: 5 } }, false, false);
    scenario.write((await peer.receive('60.120')).bytes);
    channel.nackAll();
    scenario.write((await peer.receive('60.120')).bytes);
    channel.reject({ fields: { deliveryTag: 6 } }, false);
    scenario.write((await peer.receive('60.90')).bytes);
    channel.ackAll();
    scenario.write((await peer.receive('60.80')).bytes);
    operations['50.1'][0].catch(() => {});
  }),
);
