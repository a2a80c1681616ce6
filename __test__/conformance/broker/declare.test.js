'use strict';

const { once } = require('node:events');
const { compare } = require('./compare');

const REFUSED = {
  durable: { durable: true },
  autoDelete: { autoDelete: true },
  exclusive: { exclusive: true },
  messageTtl: { messageTtl: 1000 },
  expires: { expires: 100000 },
  maxLength: { maxLength: 5 },
  maxPriority: { maxPriority: 5 },
  deadLetterExchange: { deadLetterExchange: 'a' },
  overflow: { arguments: { 'x-overflow': 'reject-publish' } },
  mode: { arguments: { 'x-queue-mode': 'lazy' } },
  single: { arguments: { 'x-single-active-consumer': true } },
  unknown: { arguments: { 'x-unknown': 1 } },
  classic: { arguments: { 'x-queue-type': 'classic' } },
  quorum: { arguments: { 'x-queue-type': 'quorum' } },
};

compare('a queue declared again with other attributes is refused with the same words', async (stage) => {
  const queue = await stage.queue(await stage.channel(), 'q');
  const results = {};
  for (const [name, options] of Object.entries(REFUSED)) {
    results[name] = await stage.outcome((channel) =>
      channel.assertQueue(queue, { durable: false, ...options }),
    );
  }
  return results;
});

const DIFFERENT = [
  ['x-message-ttl', 1000, 2000],
  ['x-max-length', 1, { '!': 'int64', value: 1 }],
  ['x-overflow', 'drop-head', 'reject-publish'],
  ['x-single-active-consumer', true, false],
  ['x-dead-letter-exchange', 'ä', 'b'],
  ['x-max-priority', 1, undefined],
];

compare('an argument that has another value now is told with both values', async (stage) => {
  const control = await stage.channel();
  const results = [];
  for (const [name, before, now] of DIFFERENT) {
    const queue = await stage.queue(control, name, { arguments: { [name]: before } });
    const options = { durable: false, arguments: { [name]: now } };
    results.push(await stage.outcome((channel) => channel.assertQueue(queue, options)));
  }
  const exchange = await stage.exchange(control, 'x', 'direct', { alternateExchange: 'a' });
  const options = { durable: false, alternateExchange: 'b' };
  results.push(await stage.outcome((channel) => channel.assertExchange(exchange, 'direct', options)));
  return results;
});

const INVALID = [
  { 'x-message-ttl': -1 },
  { 'x-message-ttl': 'a' },
  { 'x-message-ttl': 1.5 },
  { 'x-message-ttl': 2 ** 40 },
  { 'x-expires': 0 },
  { 'x-expires': true },
  { 'x-max-length': -1 },
  { 'x-max-length': 'a' },
  { 'x-max-length-bytes': -5 },
  { 'x-max-priority': 300 },
  { 'x-max-priority': -1 },
  { 'x-overflow': 'bogus' },
  { 'x-dead-letter-exchange': 5 },
  { 'x-dead-letter-routing-key': 'a' },
  { 'x-dead-letter-exchange': 'a', 'x-dead-letter-routing-key': 5 },
  { 'x-dead-letter-routing-key': {} },
  { 'x-single-active-consumer': 'a' },
  { 'x-queue-mode': 'a' },
  { 'x-queue-type': 'bogus' },
  { 'x-overflow': 5 },
  { 'x-queue-mode': null },
  { 'x-queue-type': 5 },
];

compare('arguments that no queue can have are refused with the same words', async (stage) => {
  const results = [];
  // A queue each: one that is declared by mistake must not answer for those behind it.
  for (const [index, args] of INVALID.entries()) {
    const options = { durable: false, exclusive: true, arguments: args };
    results.push(await stage.outcome((channel) => channel.assertQueue(stage.name(index), options)));
  }
  return results;
});

compare('exchanges are declared, declared again, and refused with the same words', async (stage) => {
  const exchange = await stage.exchange(await stage.channel(), 'x', 'direct');
  const declare = (name, type, options) =>
    stage.outcome((channel) => channel.assertExchange(name, type, options));
  return [
    await declare(exchange, 'direct', { durable: false }),
    await declare(exchange, 'fanout', { durable: false }),
    await declare(exchange, 'direct', { durable: true }),
    await declare(exchange, 'direct', { durable: false, autoDelete: true }),
    await declare(exchange, 'direct', { durable: false, internal: true }),
    await declare(exchange, 'direct', { durable: false, alternateExchange: 'a' }),
    await declare('amq.direct', 'direct'),
    await declare('amq.direct', 'topic'),
    await declare('amq.new', 'topic'),
    await declare('', 'direct'),
    await stage.outcome((channel) => channel.deleteExchange('amq.topic')),
    await stage.outcome((channel) => channel.deleteExchange('')),
    await stage.outcome((channel) => channel.deleteExchange(stage.name('none'))),
    await stage.outcome((channel) => channel.checkExchange(stage.name('none'))),
    await stage.outcome((channel) => channel.assertQueue('amq.queue')),
    await stage.outcome((channel) => channel.checkQueue('')),
  ];
});

compare('what is not there is missed, or not, in the same way', async (stage) => {
  const channel = await stage.channel();
  const [queue, none] = [await stage.queue(channel, 'q'), stage.name('none')];
  const operations = [
    (on) => on.checkQueue(none),
    (on) => on.deleteQueue(none),
    (on) => on.purgeQueue(none),
    (on) => on.get(none),
    (on) => on.consume(none, () => {}),
    (on) => on.bindQueue(none, 'amq.direct', 'k'),
    (on) => on.bindQueue(queue, none, 'k'),
    (on) => on.bindQueue(queue, '', 'k'),
    (on) => on.bindQueue('', none, 'k'),
    (on) => on.bindQueue('', '', 'k'),
    (on) => on.unbindQueue('', '', 'k'),
    (on) => on.unbindQueue(none, 'amq.direct', 'k'),
    (on) => on.unbindQueue(queue, none, 'k'),
    (on) => on.unbindQueue(queue, 'amq.direct', 'k'),
    (on) => on.bindExchange(none, 'amq.direct', 'k'),
    (on) => on.bindExchange('amq.direct', none, 'k'),
    (on) => on.bindExchange('amq.direct', '', 'k'),
    (on) => on.unbindExchange(none, 'amq.direct', 'k'),
    (on) => on.cancel('nobody'),
    (on) => on.publish(none, 'k', Buffer.from('x')),
    (on) => on.ack({ fields: { deliveryTag: 5 } }),
    (on) => on.ack({ fields: { deliveryTag: 5 } }, true),
    (on) => on.nack({ fields: { deliveryTag: 5 } }),
    (on) => on.reject({ fields: { deliveryTag: 5 } }),
    (on) => on.ackAll(),
    (on) => on.bindQueue(queue, 'amq.headers', '', { 'x-match': 'some' }),
    (on) => on.bindQueue(queue, 'amq.headers', '', { 'x-match': 5 }),
    (on) => on.bindQueue(queue, 'amq.headers', '', { 'x-match': null }),
    (on) => on.bindQueue(queue, 'amq.headers', '', { 'x-match': { '!': 'double', value: 1 } }),
    (on) => on.bindQueue(queue, 'amq.headers', '', { 'x-match': { '!': 'double', value: 1e30 } }),
    (on) => on.bindQueue(queue, 'amq.headers', '', { 'x-match': { a: 'b' } }),
    (on) => on.bindQueue(queue, 'amq.headers', '', { 'x-match': [true, { '!': 'timestamp', value: 5 }] }),
    (on) => on.bindQueue(queue, 'amq.headers', '', { 'x-match': Buffer.from('text') }),
    (on) =>
      on.bindQueue(queue, 'amq.headers', '', {
        'x-match': { '!': 'decimal', value: { places: 1, digits: 5 } },
      }),
  ];
  const results = [];
  for (const operation of operations) results.push(await stage.outcome(operation));
  return results;
});

compare('an exclusive queue is locked for other connections', async (stage) => {
  const owner = await (await stage.connect()).createChannel();
  const { queue } = await owner.assertQueue(stage.name('mine'), { exclusive: true });
  await owner.bindQueue(queue, 'amq.direct', 'bound');
  const operations = [
    (on) => on.checkQueue(queue),
    (on) => on.assertQueue(queue, { exclusive: true }),
    (on) => on.deleteQueue(queue),
    (on) => on.purgeQueue(queue),
    (on) => on.get(queue),
    (on) => on.consume(queue, () => {}),
    (on) => on.bindQueue(queue, 'amq.direct', 'k'),
    (on) => on.unbindQueue(queue, 'amq.direct', 'k'),
    (on) => on.unbindQueue(queue, 'amq.direct', 'bound'),
  ];
  const results = [];
  for (const operation of operations) results.push(await stage.outcome(operation));
  return results;
});

compare('a queue that the broker named is not declared by that name', async (stage) => {
  const channel = await stage.channel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  return [
    (await channel.checkQueue(queue)).messageCount,
    await channel.assertQueue(queue, { exclusive: true }).catch(({ code }) => code),
  ];
});

compare('if-unused and if-empty are kept', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const [full, used] = [await stage.queue(channel, 'full'), await stage.queue(channel, 'used')];
  const exchange = await stage.exchange(channel, 'x', 'fanout');
  await channel.bindQueue(used, exchange, '');
  await channel.consume(used, () => {});
  channel.sendToQueue(full, Buffer.from('x'));
  await channel.waitForConfirms();
  return [
    await stage.outcome((on) => on.deleteQueue(full, { ifEmpty: true })),
    await stage.outcome((on) => on.deleteQueue(used, { ifUnused: true })),
    await stage.outcome((on) => on.deleteExchange(exchange, { ifUnused: true })),
    await stage.outcome((on) => on.deleteQueue(full, { ifUnused: true })),
  ];
});

compare('arguments of other kinds of queues are refused', async (stage) => {
  const declare = (args) =>
    stage.outcome((channel) => channel.assertQueue(stage.name('q'), { exclusive: true, arguments: args }));
  const results = [];
  for (const args of [
    { 'x-queue-version': 1 },
    { 'x-queue-version': 3 },
    { 'x-queue-version': 0 },
    { 'x-queue-version': -1 },
    { 'x-queue-version': '2' },
    { 'x-max-in-memory-length': 5 },
    { 'x-max-in-memory-bytes': 5 },
    { 'x-delivery-limit': 5 },
    { 'x-queue-leader-locator': 'client-local' },
    { 'x-max-age': '1h' },
    { 'x-dead-letter-strategy': 'at-most-once' },
    { 'x-quorum-initial-group-size': 3 },
    { 'x-initial-cluster-size': 1 },
    { 'x-stream-max-segment-size-bytes': 5 },
    { 'x-delivery-limit': 5, 'x-max-priority': 300 },
    { 'x-queue-master-locator': 'client-local' },
    { 'x-unheard-of': 1 },
  ]) {
    const channel = await stage.channel();
    results.push(args, (await declare(args)).message ?? 'taken');
    await channel.deleteQueue(stage.name('q'));
    await channel.close();
  }
  return results;
});

compare('arguments of consumers are refused', async (stage) => {
  const channel = await stage.channel();
  const queue = await stage.queue(channel, 'q');
  const results = [];
  for (const args of [
    { 'x-stream-offset': 'first' },
    { 'x-cancel-on-ha-failover': true },
    { 'x-cancel-on-ha-failover': 'yes' },
    { 'x-cancel-on-ha-failover': 1 },
    { 'x-priority': 'high' },
    { 'x-unheard-of': 1 },
  ]) {
    const consume = (other) => other.consume(queue, () => {}, { arguments: args, consumerTag: 'c' });
    results.push(args, await stage.outcome(consume));
  }
  return results;
});

compare('the exchange for traces is there', async (stage) => {
  const trace = 'amq.rabbitmq.trace';
  return [
    await stage.outcome((channel) => channel.checkExchange(trace)),
    await stage.outcome((channel) => channel.assertExchange(trace, 'topic', { internal: true })),
    await stage.outcome((channel) => channel.assertExchange(trace, 'topic')),
    await stage.outcome((channel) => channel.assertExchange(trace, 'direct')),
    await stage.outcome((channel) => channel.publish(trace, 'k', Buffer.from(''))),
    await stage.outcome((channel) => channel.deleteExchange(trace)),
    await stage.outcome(async (channel) => channel.bindQueue(await stage.queue(channel, 'q'), trace, '#')),
  ];
});

compare('an exchange type that is none', async (stage) => {
  const results = [];
  for (const type of ['', 'x-unheard-of']) {
    const connection = await stage.connect();
    const failed = once(connection, 'error');
    const channel = await connection.createChannel();
    channel.assertExchange(stage.name('e'), type).catch(() => {});
    const [{ code, message }] = await failed;
    results.push({ code, message });
  }
  return results;
});

compare('line breaks in names', async (stage) => {
  const channel = await stage.channel();
  const name = await stage.queue(channel, 'queue');
  const broken = `\r\n${stage.name('que')}\n\rue\n`;
  const exchange = await stage.exchange(channel, 'e', 'direct');
  const brokenExchange = `${exchange}\r\n`;
  const body = Buffer.from('x');
  return [
    await stage.outcome((on) => on.assertQueue(broken, { durable: false })),
    await stage.outcome((on) => on.checkQueue(broken)),
    await stage.outcome((on) => on.bindQueue(broken, brokenExchange, 'k')),
    await stage.outcome((on) => on.publish(exchange, 'k', body)),
    await stage.outcome((on) => on.publish(brokenExchange, 'k', body)),
    await stage.outcome((on) => on.sendToQueue(broken, body)),
    await stage.outcome((on) => on.get(broken)),
    await stage.outcome((on) => on.consume(broken, () => {})),
    await stage.outcome((on) => on.purgeQueue(broken)),
    await stage.outcome((on) => on.checkQueue(name)),
    await stage.outcome((on) => on.unbindQueue(broken, brokenExchange, 'k')),
    await stage.outcome((on) => on.bindExchange(brokenExchange, 'amq.\nfanout', '')),
    await stage.outcome((on) => on.unbindExchange(brokenExchange, 'amq.\nfanout', '')),
    await stage.outcome((on) => on.assertExchange(brokenExchange, 'direct', { durable: false })),
    await stage.outcome((on) => on.checkExchange(brokenExchange)),
    await stage.outcome((on) => on.deleteQueue(broken)),
    await stage.outcome((on) => on.deleteExchange(brokenExchange)),
    await stage.outcome((on) => on.checkExchange(exchange)),
  ];
});
