'use strict';

// Channel operations with an answer: their replies, and the errors of wrong ones.

const { next, sideBySide } = require('./side-by-side');

sideBySide('assertQueue, checkQueue, purgeQueue and deleteQueue give the same fields', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createConfirmChannel();
  const queue = scenario.name('queue');
  scenario.write(await channel.assertQueue(queue, { durable: false }));
  scenario.write(channel.sendToQueue(queue, Buffer.from('one')));
  scenario.write(channel.sendToQueue(queue, Buffer.from('two')));
  await channel.waitForConfirms();
  scenario.write(await channel.checkQueue(queue));
  scenario.write(await channel.purgeQueue(queue));
  scenario.write(await channel.deleteQueue(queue, { ifUnused: true, ifEmpty: true }));
  scenario.write(await channel.deleteQueue(queue));
  scenario.write(await channel.assertQueue('', { exclusive: true }));
  scenario.write(await channel.assertQueue(undefined, { exclusive: true }));
  scenario.write(await channel.assertQueue(null, { exclusive: true, autoDelete: true }));
  await connection.close();
});

sideBySide('every option of assertQueue reaches the broker', async (scenario) => {
  const connection = await scenario.connect();
  const queue = scenario.name('options');
  const options = {
    durable: false,
    autoDelete: true,
    messageTtl: 60000,
    expires: 100000,
    deadLetterExchange: 'amq.fanout',
    deadLetterRoutingKey: 'dead',
    maxLength: 10,
    overflow: 'reject-publish',
    maxPriority: 5,
    queueMode: 'lazy',
    arguments: { 'x-single-active-consumer': true },
  };
  const channel = await connection.createChannel();
  scenario.write(await channel.assertQueue(queue, options));
  scenario.write(await channel.assertQueue(queue, options));
  // Any difference in what arrived is an inequivalent argument, named by the broker.
  for (const [option, value] of Object.entries({
    messageTtl: 1,
    expires: 100001,
    deadLetterExchange: 'amq.direct',
    deadLetterRoutingKey: 'alive',
    maxLength: 11,
    overflow: 'drop-head',
    maxPriority: 6,
  })) {
    const other = await connection.createChannel();
    other.on('error', () => {});
    await scenario.outcome(option, () => other.assertQueue(queue, { ...options, [option]: value }));
  }
  await channel.deleteQueue(queue);
  await connection.close();
});

sideBySide('exchanges are declared, checked, bound and deleted alike', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createConfirmChannel();
  const [from, to, queue] = ['from', 'to', 'queue'].map((name) => scenario.name(name));
  const alternate = { durable: false, autoDelete: false, internal: false, alternateExchange: to };
  scenario.write(await channel.assertExchange(to, 'fanout', { durable: false }));
  scenario.write(await channel.assertExchange(from, 'topic', alternate));
  scenario.write(await channel.checkExchange(from));
  scenario.write(await channel.assertQueue(queue, { exclusive: true }));
  scenario.write(await channel.bindQueue(queue, from, 'a.*'));
  scenario.write(await channel.bindQueue(queue, from, 'b.#', { key: 'value' }));
  scenario.write(await channel.unbindQueue(queue, from, 'b.#', { key: 'value' }));
  scenario.write(await channel.bindExchange(to, from, 'c.*', {}));
  scenario.write(await channel.unbindExchange(to, from, 'c.*', {}));
  channel.publish(from, 'a.x', Buffer.from('matched'));
  await channel.waitForConfirms();
  scenario.write(await channel.checkQueue(queue));
  scenario.write(await channel.deleteExchange(from, { ifUnused: false }));
  scenario.write(await channel.deleteExchange(to));
  await connection.close();
});

sideBySide(
  'an operation that fails closes the channel with the same errors in the same order',
  async (scenario) => {
    const connection = await scenario.connect();
    for (const [label, operate] of Object.entries({
      checkQueue: (channel) => channel.checkQueue(scenario.name('missing')),
      checkExchange: (channel) => channel.checkExchange(scenario.name('missing')),
      consume: (channel) => channel.consume(scenario.name('missing'), () => {}),
      get: (channel) => channel.get(scenario.name('missing')),
      bindQueue: (channel) => channel.bindQueue(scenario.name('missing'), 'amq.topic', 'x'),
      redeclare: (channel) => channel.assertExchange('amq.topic', 'fanout'),
      reserved: (channel) => channel.assertQueue('amq.oxipc', {}),
    })) {
      const channel = await connection.createChannel();
      scenario.watch(label, channel, ['error', 'close']);
      const operation = scenario.outcome(label, () => operate(channel));
      const behind = scenario.outcome('behind', () => channel.assertQueue('', { exclusive: true }));
      await Promise.all([operation, behind]);
      await scenario.outcome('after', () => channel.checkQueue('any'));
      await scenario.outcome('publish after', () => channel.publish('', 'any', Buffer.from('')));
      await scenario.outcome('ack after', () => channel.ackAll());
      await scenario.outcome('close after', () => channel.close());
    }
    await connection.close();
  },
);

sideBySide('arguments of the wrong type fail at the same moment with the same text', async (scenario) => {
  const connection = await scenario.connect();
  const attempts = {
    'queue number': (channel) => channel.assertQueue(5),
    'queue too long': (channel) => channel.assertQueue('q'.repeat(256)),
    'arguments text': (channel) => channel.assertQueue('', { arguments: 'text' }),
    'argument function': (channel) => channel.assertQueue('', { arguments: { key: () => {} } }),
    'argument symbol': (channel) => channel.assertQueue('', { arguments: { key: Symbol('key') } }),
    'check nothing': (channel) => channel.checkQueue(),
    'check null': (channel) => channel.checkQueue(null),
    'exchange missing': (channel) => channel.assertExchange(),
    'type number': (channel) => channel.assertExchange('name', 5),
    'bind args text': (channel) => channel.bindQueue('q', 'e', 'k', 'text'),
    'bind no exchange': (channel) => channel.bindQueue('q'),
    'cancel nothing': (channel) => channel.cancel(),
    'consume number': (channel) => channel.consume(5, () => {}),
    'consume args': (channel) => channel.consume('q', () => {}, { arguments: 5 }),
    'get number': (channel) => channel.get(5),
    'prefetch text': (channel) => channel.prefetch('many'),
    'prefetch large': (channel) => channel.prefetch(70000),
    'ack nothing': (channel) => channel.ack(),
    'ack no tag': (channel) => channel.ack({ fields: { deliveryTag: 'one' } }),
    'ack fraction': (channel) => channel.ack({ fields: { deliveryTag: 1.5 } }),
    'ack negative': (channel) => channel.ack({ fields: { deliveryTag: -1 } }),
    'reject no tag': (channel) => channel.reject({ fields: {} }),
    'delete number': (channel) => channel.deleteQueue(5),
  };
  for (const [label, attempt] of Object.entries(attempts)) {
    const channel = await connection.createChannel();
    scenario.watch(label, channel, ['error']);
    let promise;
    try {
      promise = attempt(channel);
      scenario.write(label, 'did not throw');
    } catch (error) {
      scenario.write(label, 'threw', error);
    }
    await scenario.outcome(label, () => promise);
    await channel.close().catch(() => {});
  }
  await connection.close();
});

sideBySide('prefetch, qos and recover answer alike', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createChannel();
  scenario.write(await channel.prefetch(5));
  scenario.write(await channel.prefetch(5, true));
  scenario.write(await channel.prefetch());
  scenario.write(await channel.qos(1));
  const { queue } = await channel.assertQueue('', { exclusive: true });
  channel.sendToQueue(queue, Buffer.from('again'));
  const tags = [];
  let second;
  const redelivered = new Promise((resolve) => (second = resolve));
  const first = new Promise((resolve) => {
    channel.consume(queue, ({ fields }) => {
      tags.push([fields.deliveryTag, fields.redelivered]);
      if (tags.length === 1) resolve();
      else second();
    });
  });
  await first;
  scenario.write(await channel.recover());
  await redelivered;
  scenario.write(tags);
  await connection.close();
});

sideBySide('closing a channel and a connection tells listeners before the promise', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createChannel();
  const other = await connection.createChannel();
  scenario.watch('channel', channel, ['close', 'error']);
  scenario.watch('other', other, ['close', 'error']);
  scenario.watch('connection', connection, ['close', 'error']);
  const closing = scenario.outcome('close', () => channel.close());
  await scenario.outcome('while closing', () => channel.assertQueue(''));
  await scenario.outcome('publish while closing', () => channel.publish('', '', Buffer.from('')));
  await scenario.outcome('second close', () => channel.close());
  await closing;
  await scenario.outcome('third close', () => channel.close());
  const ending = scenario.outcome('connection close', () => connection.close());
  await scenario.outcome('second connection close', () => connection.close());
  await scenario.outcome('channel while closing', () => connection.createChannel());
  await scenario.outcome('operation while closing', () => other.assertQueue(''));
  await ending;
  await scenario.outcome('third connection close', () => connection.close());
  await scenario.outcome('channel after close', () => connection.createChannel());
  await scenario.outcome('operation after close', () => other.assertQueue(''));
});

sideBySide('who closes hears of it before those whose operations that ends', async (scenario) => {
  const connection = await scenario.connect();
  const [one, two] = [await connection.createChannel(), await connection.createChannel()];
  const ends = (channel, close) =>
    Promise.all([
      scenario.outcome('under way', () => channel.checkExchange('amq.direct')),
      scenario.outcome('waiting', () => channel.assertExchange('amq.direct', 'direct')),
      scenario.outcome('close', close),
      scenario.outcome('get', () => channel.get('q')),
    ]);
  await ends(one, () => one.close());
  await ends(two, () => connection.close());
});

sideBySide('a channel that is asked for as its connection ends is refused alike', async (scenario) => {
  const make = (connection) => [
    scenario.outcome('channel', () => connection.createChannel()),
    scenario.outcome('confirm channel', () => connection.createConfirmChannel()),
  ];
  const closing = await scenario.connect();
  scenario.watch('closing', closing, ['error', 'close']);
  await Promise.all([...make(closing), scenario.outcome('close', () => closing.close())]);

  const failing = await scenario.connect();
  scenario.watch('failing', failing, ['error', 'close']);
  const made = new Promise((resolve) => failing.on('error', () => resolve(Promise.all(make(failing)))));
  const channel = await failing.createChannel();
  // Its error has no listener, and is the connection's.
  await scenario.outcome('operation', () => channel.checkQueue(scenario.name('missing')));
  await made;
});

sideBySide('the server closing the connection is told alike', async (scenario) => {
  const connection = await scenario.connect();
  const channel = await connection.createChannel();
  scenario.watch('channel', channel, ['close', 'error']);
  scenario.watch('connection', connection, ['close', 'error']);
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const closed = next(connection, 'close');
  // `immediate` is not implemented by RabbitMQ 3 and later: a connection error, 540.
  channel.connection.on('close', () => {});
  const pending = scenario.outcome('pending', () => channel.unbindQueue(queue, '', queue));
  await pending;
  await scenario.outcome('after', () => channel.checkQueue(queue));
  await connection.close().catch(() => {});
  await closed;
});
