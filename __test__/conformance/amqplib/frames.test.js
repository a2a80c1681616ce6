'use strict';

// Frames that are malformed or come out of order: what they close, with which words, and what the peer gets to read.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { next, ours, sideBySideAlone } = require('./side-by-side');
const { frame, long, method, short, shortString, withPeer } = require('../../support/scripted-peer');

const deliver = (channel = 1, tag = 1) =>
  method(
    channel,
    60,
    60,
    shortString('c'),
    [0, 0, 0, 0, ...long(tag)],
    0,
    shortString('x'),
    shortString('k'),
  );
const returned = (channel = 1) =>
  method(channel, 60, 50, short(312), shortString('NO_ROUTE'), shortString('x'), shortString('k'));
const getOk = (channel = 1) =>
  method(channel, 60, 71, [0, 0, 0, 0, ...long(1)], 0, shortString('x'), shortString('k'), long(0));
const header = (size, channel = 1, properties = [0, 0], classId = 60) =>
  frame(2, channel, Buffer.from([...short(classId), 0, 0, 0, 0, 0, 0, ...long(size), ...properties]));
const body = (text, channel = 1) => frame(3, channel, Buffer.from(text));
const message = (tag) => [deliver(1, tag), header(2), body('hi')];

/** A frame whose last octet is another. */
function ending(bytes, octet) {
  const copy = Buffer.from(bytes);
  copy[copy.length - 1] = octet;
  return copy;
}

const HARMLESS = {
  'a message': message(1),
  'a body in pieces, one of them empty': [deliver(), header(4), body(''), body('ab'), body('cd')],
  'an empty message': [deliver(), header(0)],
  'another method between the frames of a message': [
    deliver(),
    method(1, 60, 80, [0, 0, 0, 0, 0, 0, 0, 9, 0]),
    header(2),
    body('hi'),
  ],
  'messages of two channels, frame by frame': [
    deliver(1),
    deliver(2),
    header(2, 2),
    header(2, 1),
    body('hi', 1),
    body('ho', 2),
  ],
  'a heartbeat in between': [
    deliver(),
    frame(8, 0, Buffer.alloc(0)),
    header(2),
    frame(8, 0, Buffer.alloc(0)),
    body('hi'),
  ],
  'a heartbeat on a channel': [frame(8, 1, Buffer.alloc(0)), frame(8, 77, Buffer.alloc(0)), ...message(1)],
  'a heartbeat with a content': [frame(8, 0, Buffer.from('beat')), ...message(1)],
  'octets behind the properties': [deliver(), header(2, 1, [0, 0, 7, 7]), body('hi')],
  'a frame larger than was agreed on': [deliver(), header(200_000), body('x'.repeat(200_000))],
};

// With amqplib's words.
const CHANNEL = {
  'a body without a header': [deliver(), body('hi')],
  'a body without anything': [body('hi')],
  'an empty body without anything': [body('')],
  'a header without a delivery': [header(2)],
  'a header of an empty message without a delivery': [header(0)],
  'two deliveries': [deliver(), deliver()],
  'a delivery and a return': [deliver(), returned()],
  'a return without a header': [returned(), body('hi')],
  'two headers': [deliver(), header(2), header(2)],
  'a delivery in place of a body': [deliver(), header(2), deliver(1, 2)],
  'too long a body': [deliver(), header(2), body('three')],
  'too long a body in pieces': [deliver(), header(4), body('abc'), body('de')],
  'a body behind a whole message': [...message(1), body('more')],
  'a body behind an empty message': [deliver(), header(0), body('more')],
  'good messages before it, more nonsense and good messages behind': [
    ...message(1),
    body('x'),
    header(1),
    ...message(2),
    deliver(),
    deliver(),
  ],
  'a delivery for nobody': [
    method(1, 60, 60, shortString('nobody'), [0, 0, 0, 0, 0, 0, 0, 1], 0, shortString(''), shortString('')),
    header(0),
  ],
};

const CONNECTION = {
  'a wrong frame end': [ending(body('hi'), 205)],
  'a wrong frame end behind a message': [...message(1), ending(deliver(), 0)],
  'an unknown type': [frame(4, 1, Buffer.from('four'))],
  'an unknown type with a wrong end': [ending(frame(4, 1, Buffer.from('four')), 0)],
  'a type of old': [frame(7, 1, Buffer.alloc(0))],
  'a frame beyond maxFrameSize': [Buffer.from([3, 0, 1, 0x7f, 0xff, 0xff, 0xff])],
  'a method on a channel that there is not': [method(5, 50, 31, long(0))],
  'a delivery on a channel that there is not': [deliver(5), header(2, 5), body('hi', 5)],
  'a header on a channel that there is not': [header(2, 5)],
  'a body on a channel that there is not': [body('hi', 5)],
  'a confirm on a channel that there is not': [method(5, 60, 80, [0, 0, 0, 0, 0, 0, 0, 1, 0])],
  'a delivery on channel 0': [deliver(0), header(0, 0)],
  'a header on channel 0': [header(2, 0)],
  'a body on channel 0': [body('hi', 0)],
  'a confirm on channel 0': [method(0, 60, 80, [0, 0, 0, 0, 0, 0, 0, 1, 0])],
  'a channel method on channel 0': [method(0, 20, 11, long(0))],
  'an answer on channel 0': [method(0, 10, 41, 0)],
  'an unknown class': [method(1, 61, 10)],
  'an unknown method': [method(1, 60, 99)],
  'an unknown method on channel 0': [method(0, 10, 99)],
  'a header of another class': [deliver(), header(2, 1, [0, 0], 50)],
  'a header of another class without a delivery': [header(2, 1, [0, 0], 61)],
};

// Some of these amqplib reads beyond their end, and passes on; here each ends the connection.
const MALFORMED = {
  'a method of two octets': [frame(1, 1, Buffer.from([0, 60]))],
  'an empty method': [frame(1, 1, Buffer.alloc(0))],
  'a delivery that ends in the tag': [method(1, 60, 60, shortString('c'), [0, 0, 0])],
  'a delivery that ends in front of its addresses': [
    method(1, 60, 60, shortString('c'), [0, 0, 0, 0, 0, 0, 0, 1], 0),
  ],
  'a confirm that is too short': [method(1, 60, 80, [0, 0])],
  'a close that is too short': [method(1, 20, 40, 1)],
  'a close of the connection that is too short': [method(0, 10, 50, 1)],
  'an empty header': [deliver(), frame(2, 1, Buffer.alloc(0))],
  'a header without flags': [deliver(), frame(2, 1, Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]))],
  'a priority that is not there': [deliver(), header(2, 1, [0x08, 0]), body('hi')],
  'a timestamp of three octets': [deliver(), header(2, 1, [0, 0x40, 1, 2, 3]), body('hi')],
  'headers that are not there': [deliver(), header(2, 1, [0x20, 0]), body('hi')],
  'headers of a type that there is not': [
    deliver(),
    header(2, 1, [0x20, 0, ...long(3), ...shortString('k'), 0x3f]),
    body('hi'),
  ],
  'the same malformed properties twice': [
    deliver(),
    header(0, 1, [0x08, 0]),
    deliver(),
    header(0, 1, [0x08, 0]),
  ],
};

// Answers that nothing asked for, which are exceptions of amqplib's own.
const UNASKED = {
  'an answer that nothing asked for': [method(1, 50, 31, long(0))],
  'a message that nothing asked for': [getOk(), header(2), body('hi')],
  'a publish': [method(1, 60, 40, short(0), shortString(''), shortString(''), 0)],
};

async function open(scenario, use) {
  await withPeer(async (url, accept) => {
    const connecting = scenario.library.connect(url);
    const peer = await accept();
    const received = [];
    peer.onFrame = ({ name, channel, bytes }) => {
      if (name === '60.20') peer.send(method(channel, 60, 21, shortString('c')));
      else if (name === '20.40') {
        received.push([name, bytes]);
        peer.send(method(channel, 20, 41));
      } else received.push(name);
    };
    const connection = await connecting;
    connection.on('error', () => {});
    const channels = [await connection.createChannel(), await connection.createChannel()];
    for (const [index, channel] of channels.entries()) {
      const label = `channel ${index + 1}`;
      const onMessage = (got) =>
        scenario.write(label, got && [got.fields.deliveryTag, `${got.content}`.slice(0, 20)]);
      await channel.consume('q', onMessage, { noAck: true });
      scenario.watch(label, channel, ['error', 'close', 'return', 'ack']);
    }
    await use({ connection, channels, peer, received });
  });
}

for (const [name, frames] of Object.entries(HARMLESS)) {
  sideBySideAlone(`harmless: ${name}`, (scenario) =>
    open(scenario, async ({ connection, peer, received }) => {
      scenario.watch('connection', connection, ['error', 'close']);
      const seen = next(connection, 'blocked');
      peer.send(...frames, method(0, 10, 60, shortString('all seen')));
      await seen;
      scenario.write(received);
    }),
  );
}

for (const [name, frames] of Object.entries(CHANNEL)) {
  sideBySideAlone(`closes the channel: ${name}`, (scenario) =>
    open(scenario, async ({ connection, channels, peer, received }) => {
      scenario.watch('connection', connection, ['error', 'close']);
      const closed = next(channels[0], 'close');
      peer.send(...frames);
      await closed;
      scenario.write(received);
      await scenario.outcome('the other', () => channels[1].close());
    }),
  );
}

const BROKEN = [
  [CONNECTION, (scenario, error) => scenario.write(error)],
  [UNASKED, (scenario, error) => scenario.write(error instanceof Error)],
];
for (const [frameSets, write] of BROKEN) {
  for (const [name, frames] of Object.entries(frameSets)) {
    sideBySideAlone(`closes the connection: ${name}`, (scenario) =>
      open(scenario, async ({ connection, peer, received }) => {
        connection.on('error', (error) => write(scenario, error));
        const closed = next(connection, 'close');
        peer.send(...frames);
        await closed;
        scenario.write(received);
      }),
    );
  }
}

for (const [name, frames] of Object.entries(MALFORMED)) {
  test(`closes the connection: ${name}`, () =>
    open(ownScenario(), async ({ connection, peer }) => {
      const errors = [];
      connection.on('error', (error) => errors.push(error.message));
      const closed = next(connection, 'close');
      peer.send(...frames);
      await closed;
      assert.equal(errors.length, 1);
      assert.match(errors[0], /^(Malformed|Unknown class)/);
    }));
}

const ownScenario = () => ({ library: ours.promise, write() {}, watch() {} });

sideBySideAlone('an answer to another question closes the channel', (scenario) =>
  open(scenario, async ({ channels, peer }) => {
    const closed = next(channels[0], 'close');
    const asking = scenario.outcome('declare', () => channels[0].assertQueue('q'));
    await peer.receive('50.10');
    peer.send(method(1, 50, 31, long(0)));
    await asking;
    await closed;
  }),
);

sideBySideAlone('another answer to get costs nothing', (scenario) =>
  open(scenario, async ({ connection, channels, peer }) => {
    scenario.watch('connection', connection, ['error', 'close']);
    const asking = scenario.outcome('get', () => channels[0].get('q'));
    await peer.receive('60.70');
    peer.send(method(1, 50, 31, long(0)));
    await asking;
    await scenario.outcome('close', () => channels[0].close());
  }),
);

sideBySideAlone('a message that was asked for and has no header closes the channel', (scenario) =>
  open(scenario, async ({ channels, peer }) => {
    const closed = next(channels[0], 'close');
    // amqplib never answers this one.
    channels[0].get('q').catch(() => {});
    await peer.receive('60.70');
    peer.send(getOk(), body('hi'));
    await closed;
  }),
);

sideBySideAlone('frames on a channel that is being closed are passed over', (scenario) =>
  open(scenario, async ({ connection, channels, peer }) => {
    scenario.watch('connection', connection, ['error', 'close']);
    peer.onFrame = ({ name }) => {
      if (name !== '20.40') return;
      peer.send(body('x'), header(1), deliver(), deliver(), getOk(), body('x'), method(1, 50, 31, long(0)));
      peer.send(method(1, 20, 41));
    };
    await scenario.outcome('close', () => channels[0].close());
  }),
);

sideBySideAlone('frames on a channel that is closed close the connection', (scenario) =>
  open(scenario, async ({ connection, channels, peer }) => {
    await channels[0].close();
    scenario.watch('connection', connection, ['error', 'close']);
    const closed = next(connection, 'close');
    peer.send(...message(1));
    await closed;
  }),
);
