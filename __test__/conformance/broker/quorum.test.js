'use strict';

const { compare } = require('./compare');

const QUORUM = { 'x-queue-type': 'quorum' };

compare('quorum queues are refused what they cannot be', async (stage) => {
  const declarations = {
    exclusive: { exclusive: true },
    transient: { durable: false },
    autoDelete: { autoDelete: true },
    exclusiveAndTransient: { exclusive: true, durable: false },
    everything: { exclusive: true, durable: false, autoDelete: true },
    argumentFirst: { exclusive: true, arguments: { 'x-max-priority': 3 } },
    ...Object.fromEntries(
      Object.entries({
        'x-max-priority': 3,
        'x-queue-mode': 'lazy',
        'x-queue-version': 1,
        'x-max-age': '1D',
        'x-stream-max-segment-size-bytes': 5,
        'x-initial-cluster-size': 1,
        'x-quorum-initial-group-size': 0,
        'x-dead-letter-strategy': 'bogus',
        'x-queue-leader-locator': 'bogus',
        'x-overflow': 'bogus',
      }).map(([argument, value]) => [argument, { arguments: { [argument]: value } }]),
    ),
  };
  const result = {};
  for (const [what, options] of Object.entries(declarations)) {
    const name = stage.name(what);
    result[what] = await stage.outcome((channel) =>
      channel.assertQueue(name, { ...options, arguments: { ...QUORUM, ...options.arguments } }),
    );
  }
  return result;
});

compare('consumers of quorum queues', async (stage) => {
  const channel = await stage.channel();
  const queue = await stage.queue(channel, 'quorum', { durable: true, arguments: QUORUM });
  const result = {};
  for (const argument of ['x-stream-offset', 'x-cancel-on-ha-failover']) {
    result[argument] = await stage.outcome((channel) =>
      channel.consume(queue, () => {}, { arguments: { [argument]: true } }),
    );
  }
  return result;
});

compare(
  'arguments of quorum queues and streams are checked before they are refused to a classic queue',
  async (stage) => {
    const result = {};
    for (const [argument, value] of Object.entries({
      'x-dead-letter-strategy': 'bogus',
      'x-queue-leader-locator': 'bogus',
      'x-quorum-initial-group-size': 0,
      'x-delivery-limit': 5,
    })) {
      const name = stage.name(argument);
      result[argument] = await stage.outcome((channel) =>
        channel.assertQueue(name, { durable: false, arguments: { [argument]: value } }),
      );
    }
    return result;
  },
);
