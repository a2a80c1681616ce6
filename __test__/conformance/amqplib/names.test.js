'use strict';

// Nothing of ours lies where a program may look or put its own: connections and channels have names that amqplib's have, and
// four methods that no code of ours calls; options that amqplib ignores do nothing.

const assert = require('node:assert/strict');
const { EventEmitter, once } = require('node:events');
const { after, before, test } = require('node:test');

const original = { promise: require('amqplib'), callback: require('amqplib/callback_api') };
const ours = {
  promise: require('../../../lib/amqplib'),
  callback: require('../../../lib/amqplib/callback-api'),
};
const { createBroker } = require('../../../lib/broker');

const OWN_METHODS = new Set(['messages', 'request', 'respond', 'publishConfirmed']);

// Each meets an option of ours, of a wrapper, or a word that this package uses inside.
const FOREIGN = {
  all: true,
  bufferMessages: -1,
  channels: 'none',
  lines: true,
  messages: true,
  prefetch: 'many',
  recovery: 'never',
  signal: 'SIGTERM',
  takeOver: true,
  timeout: 'soon',
};

let broker;
before(async () => (broker = await createBroker({ port: 0 })));
after(() => broker.close());

const ownNames = (object) => Object.getOwnPropertyNames(object);

function enumerableNames(object) {
  const names = [];
  for (const name in object) names.push(name);
  return names;
}

/** Every name that is found on an object, but for those of emitters. */
function allNames(object) {
  const names = new Set();
  for (
    let found = object;
    found !== null && found !== EventEmitter.prototype;
    found = Object.getPrototypeOf(found)
  ) {
    for (const name of ownNames(found)) names.add(name);
  }
  return [...names];
}

const callbackOf = (call) =>
  new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value))));

async function objectsOf({ promise, callback }) {
  const model = await promise.connect(broker.url);
  const connection = await callbackOf((done) => callback.connect(broker.url, done));
  const recovering = await promise.connect(broker.url, { recovery: true });
  return {
    model,
    channel: await model.createChannel(),
    confirming: await model.createConfirmChannel(),
    connection,
    callbackChannel: await callbackOf((done) => connection.createChannel(done)),
    callbackConfirming: await callbackOf((done) => connection.createConfirmChannel(done)),
    recovering,
    recoveringChannel: await recovering.createChannel(),
  };
}

test('the modules enumerate what the originals do', async () => {
  assert.deepEqual(Object.keys(ours.promise).sort(), Object.keys(original.promise).sort());
  assert.deepEqual(ownNames(ours.callback).sort(), ownNames(original.callback).sort());
  const module = await import('../../../lib/amqplib.js');
  for (const name of [...Object.keys(original.promise), 'RemoteError'])
    assert.equal(module[name], ours.promise[name], name);
});

test('connections and channels have no name that those of amqplib lack', async () => {
  const [expected, actual] = [await objectsOf(original), await objectsOf(ours)];
  for (const [kind, object] of Object.entries(actual)) {
    for (const find of [ownNames, enumerableNames, allNames]) {
      const known = find(expected[kind]);
      const extra = find(object).filter((name) => !known.includes(name));
      const allowed = find === allNames ? extra.filter((name) => OWN_METHODS.has(name)) : [];
      assert.deepEqual(extra, allowed, `${kind}: ${find.name}`);
    }
    const symbols = Object.getOwnPropertySymbols(object);
    assert.deepEqual(
      symbols.filter((symbol) => !Object.getOwnPropertySymbols(expected[kind]).includes(symbol)),
      [],
      kind,
    );
  }
  for (const { model, connection, recovering } of [expected, actual]) {
    await model.close();
    await recovering.close();
    await callbackOf((done) => connection.close(done));
  }
});

test('members that a wrapper gives a channel are its own', async () => {
  const model = await ours.promise.connect(broker.url);
  const channel = await model.createConfirmChannel();
  const words = [
    ...OWN_METHODS,
    'confirms',
    'recovery',
    'isOpen',
    'send',
    'drain',
    'resume',
    'onLost',
    'endedBy',
  ];
  for (const word of words) channel[word] = word;
  for (const word of ['model', 'numbers', 'endedBy']) model.connection[word] = word;
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const delivered = new Promise((resolve) => channel.consume(queue, resolve));
  channel.sendToQueue(queue, Buffer.from('x'));
  await channel.waitForConfirms();
  channel.ack(await delivered);
  const closed = once(model, 'close');
  await model.close();
  await closed;
  assert.deepEqual(
    words.map((word) => channel[word]),
    words,
  );
});

for (const [kind, module] of [
  ['amqplib', original.promise],
  ['ours', ours.promise],
]) {
  test(`options that amqplib ignores: ${kind}`, async () => {
    const model = await module.connect(broker.url);
    const channel = await model.createConfirmChannel({ ...FOREIGN });
    const { queue } = await channel.assertQueue('', { ...FOREIGN, exclusive: true });
    const taken = [];
    await channel.consume(queue, (message) => taken.push(message.content.toString()), {
      ...FOREIGN,
      noAck: true,
    });
    const settled = callbackOf((done) => channel.sendToQueue(queue, Buffer.from('x'), { ...FOREIGN }, done));
    await settled;
    await channel.waitForConfirms({ ...FOREIGN });
    assert.equal(await channel.get(queue, { ...FOREIGN }), false);
    assert.deepEqual(taken, ['x']);
    await model.close();
  });
}
