'use strict';

const { once } = require('node:events');
const { bodies, compare, drain, take } = require('./compare');

compare('every kind of exchange routes to the same queues', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const results = {};
  const bindings = {
    direct: [['a'], ['a'], ['b']],
    fanout: [[''], ['x'], ['y']],
    topic: [['a.*'], ['#'], ['*.b.#']],
    headers: [
      ['', { 'x-match': 'all', a: 1, b: 'x' }],
      ['', { 'x-match': 'any', a: 1, b: 'x' }],
      ['', { 'x-match': 'any-with-x', 'x-a': 'y' }],
    ],
  };
  const keys = ['a', 'b', 'a.b', 'a.b.c', ''];
  const tables = [{}, { a: 1 }, { a: 1, b: 'x' }, { b: 'x' }, { 'x-a': 'y' }, { a: '1' }];
  for (const [type, patterns] of Object.entries(bindings)) {
    const exchange = await stage.exchange(channel, type, type);
    const queues = [];
    for (const [index, pattern] of patterns.entries()) {
      const queue = await stage.queue(channel, `${type}-${index}`);
      await channel.bindQueue(queue, exchange, ...pattern);
      queues.push(queue);
    }
    for (const key of keys) {
      for (const headers of tables)
        channel.publish(exchange, key, Buffer.from(`${key} ${JSON.stringify(headers)}`), { headers });
    }
    await channel.waitForConfirms();
    results[type] = [];
    for (const queue of queues) results[type].push(bodies(await drain(channel, queue)));
  }
  return results;
});

compare('bound and alternate exchanges hand on, CC and BCC copy', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const last = await stage.exchange(channel, 'last', 'fanout');
  const inner = await stage.exchange(channel, 'inner', 'fanout');
  const outer = await stage.exchange(channel, 'outer', 'direct', { alternateExchange: last });
  const [lost, found, copy] = [
    await stage.queue(channel, 'lost'),
    await stage.queue(channel, 'found'),
    await stage.queue(channel, 'copy'),
  ];
  await channel.bindQueue(lost, last, '');
  await channel.bindQueue(found, inner, '');
  await channel.bindExchange(inner, outer, 'k');
  channel.publish(outer, 'k', Buffer.from('bound'));
  channel.publish(outer, 'other', Buffer.from('alternate'));
  channel.publish('', found, Buffer.from('copies'), { CC: copy, BCC: [lost] });
  channel.publish('', found, Buffer.from('hidden copy'), { BCC: [copy] });
  const none = await stage.exchange(channel, 'none', 'direct', { alternateExchange: '' });
  channel.publish(none, found, Buffer.from('no alternate'));
  await channel.waitForConfirms();
  const results = [];
  for (const queue of [lost, found, copy]) {
    const messages = await drain(channel, queue);
    results.push(
      messages.map(({ content, fields, properties }) => [`${content}`, fields, properties.headers]),
    );
  }
  return results;
});

compare('an unroutable mandatory message is returned before it is confirmed', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const events = [];
  channel.on('return', ({ fields, content }) => events.push(['return', fields, `${content}`]));
  channel.publish('', stage.name('nowhere'), Buffer.from('x'), { mandatory: true }, () =>
    events.push('confirmed'),
  );
  await channel.waitForConfirms();
  return events;
});

compare('messages come back to their places, marked as redelivered', async (stage) => {
  const [first, second] = [await stage.channel({ confirm: true }), await stage.channel()];
  const queue = await stage.queue(first, 'q');
  for (let index = 0; index < 8; index++) first.sendToQueue(queue, Buffer.from(`${index}`));
  await first.waitForConfirms();
  const messages = await take(second, queue, 8);
  second.ack(messages[1]);
  second.nack(messages[5], false, false);
  second.nack(messages[3], true, true);
  await second.close();
  const again = await drain(first, queue, {});
  return again.map(({ content, fields }) => [`${content}`, fields]);
});

compare('prefetch bounds a consumer, or all of a channel', async (stage) => {
  const [control, each, all] = [
    await stage.channel({ confirm: true }),
    await stage.channel(),
    await stage.channel(),
  ];
  const results = [];
  for (const [channel, global] of [
    [each, false],
    [all, true],
  ]) {
    const queue = await stage.queue(control, `q-${global}`);
    for (let index = 0; index < 10; index++) control.sendToQueue(queue, Buffer.from(`${index}`));
    await control.waitForConfirms();
    await channel.prefetch(2, global);
    const messages = [];
    for (let count = 0; count < 2; count++) await channel.consume(queue, (message) => messages.push(message));
    await channel.recover();
    results.push((await control.checkQueue(queue)).messageCount);
  }
  return results;
});

compare('a prefetch for consumers ends that of the channel', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const queue = await stage.queue(channel, 'q');
  for (let index = 0; index < 10; index++) channel.sendToQueue(queue, Buffer.from(`${index}`));
  await channel.waitForConfirms();
  await channel.prefetch(2, true);
  const taken = take(channel, queue, 10);
  await channel.prefetch(5, false);
  return bodies(await taken);
});

compare('a dead letter tells how it died', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const graveyard = await stage.exchange(channel, 'dead', 'fanout');
  const dead = await stage.queue(channel, 'graves');
  await channel.bindQueue(dead, graveyard, '');
  const options = { deadLetterExchange: graveyard };
  const [rejected, expired, full, twice] = [
    await stage.queue(channel, 'rejected', options),
    await stage.queue(channel, 'expired', { ...options, messageTtl: 1 }),
    await stage.queue(channel, 'full', { ...options, maxLength: 1, deadLetterRoutingKey: 'other' }),
    await stage.queue(channel, 'twice', options),
  ];
  const graves = take(channel, dead, 5, { noAck: true });
  const wait = async (count) => {
    while ((await channel.checkQueue(rejected)).messageCount < count);
  };
  channel.sendToQueue(rejected, Buffer.from('rejected'), { headers: { mine: 1 }, CC: [twice] });
  await wait(1);
  channel.nack(await channel.get(rejected), false, false);
  channel.nack(await channel.get(twice), false, false);
  channel.sendToQueue(expired, Buffer.from('expired'), { expiration: '5000', messageId: 'm' });
  channel.sendToQueue(full, Buffer.from('full 1'), { persistent: true, priority: 3 });
  channel.sendToQueue(full, Buffer.from('full 2'));
  await channel.waitForConfirms();
  channel.sendToQueue(expired, Buffer.from('last'), { expiration: '0' });
  const messages = await graves;
  return messages
    .map(({ content, fields, properties }) => {
      for (const death of properties.headers['x-death']) death.time = typeof death.time;
      return [`${content}`, fields.exchange, fields.routingKey, fields.redelivered, properties];
    })
    .sort(([one], [other]) => (one < other ? -1 : 1));
});

compare('a message that has expired behind another is not delivered after it', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const results = [];
  for (const maxPriority of [undefined, 5]) {
    const queue = await stage.queue(channel, `q-${maxPriority}`, { maxPriority });
    const fill = async () => {
      for (const [text, options] of [
        ['first', { priority: 5 }],
        ['expired', { expiration: '0' }],
        ['expired, too', { expiration: '0', priority: 5 }],
        ['last', {}],
      ]) {
        channel.sendToQueue(queue, Buffer.from(text), options);
      }
      await channel.waitForConfirms();
      results.push((await channel.checkQueue(queue)).messageCount);
    };
    await fill();
    const got = await channel.get(queue, { noAck: true });
    results.push(got.content.toString(), got.fields.messageCount, await channel.purgeQueue(queue));
    await fill();
    results.push(bodies(await take(channel, queue, 2, { noAck: true })));
    results.push((await channel.checkQueue(queue)).messageCount);
  }
  return results;
});

compare('a full queue with priorities drops what it would deliver next', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const queue = await stage.queue(channel, 'q', { maxPriority: 5, maxLength: 2 });
  for (const priority of [1, 5, 3, 0]) {
    channel.sendToQueue(queue, Buffer.from(`${priority}`), { priority });
    await channel.waitForConfirms();
  }
  return bodies(await drain(channel, queue));
});

compare('what comes back to a full queue goes from the head on', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const dead = await stage.queue(channel, 'dead');
  const options = { maxLength: 2, deadLetterExchange: '', deadLetterRoutingKey: dead };
  const queue = await stage.queue(channel, 'q', options);
  const publish = async (...texts) => {
    for (const text of texts) channel.sendToQueue(queue, Buffer.from(text));
    await channel.waitForConfirms();
  };
  for (const text of ['1', '2', '3', '4']) {
    await publish(text);
    await channel.get(queue);
  }
  await publish('5');
  channel.nackAll();
  while ((await channel.checkQueue(dead)).messageCount < 3);
  return [bodies(await drain(channel, dead)), bodies(await drain(channel, queue))];
});

compare('full queues drop or refuse, and the confirms say which', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const results = [];
  for (const overflow of ['drop-head', 'reject-publish']) {
    const queue = await stage.queue(channel, overflow, {
      maxLength: 3,
      arguments: { 'x-overflow': overflow },
    });
    for (let index = 0; index < 6; index++) {
      const body = Buffer.from(`${index}`);
      const refused = await new Promise((resolve) => channel.sendToQueue(queue, body, {}, resolve));
      results.push(refused?.message ?? 'confirmed');
    }
    results.push(bodies(await drain(channel, queue)));
  }
  return results;
});

compare('higher priorities go first', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const queue = await stage.queue(channel, 'q', { maxPriority: 5 });
  for (const priority of [0, 5, 3, undefined, 9, 3])
    channel.sendToQueue(queue, Buffer.from(`${priority}`), { priority });
  await channel.waitForConfirms();
  const waiting = bodies(await drain(channel, queue));
  // Whoever is ready gets them as they come.
  const taken = take(channel, queue, 3, { noAck: true });
  await channel.checkQueue(queue);
  for (const priority of [0, 5, 3]) channel.sendToQueue(queue, Buffer.from(`${priority}`), { priority });
  return [waiting, bodies(await taken)];
});

compare('one consumer is served alone, exclusively, or by priority', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const single = await stage.queue(channel, 'single', { arguments: { 'x-single-active-consumer': true } });
  const ranked = await stage.queue(channel, 'ranked');
  const exclusive = await stage.queue(channel, 'exclusive');
  const got = { single: [], ranked: [] };
  for (const [name, queue] of [
    ['single', single],
    ['ranked', ranked],
  ]) {
    for (const [tag, priority] of [
      ['low', -1],
      ['high', 7],
    ]) {
      const note = ({ fields }) => got[name].push(fields.consumerTag);
      await channel.consume(queue, note, { noAck: true, priority, consumerTag: `${name}-${tag}` });
    }
    for (let index = 0; index < 4; index++) channel.sendToQueue(queue, Buffer.from('x'));
    await channel.waitForConfirms();
    while (got[name].length < 4) await channel.checkQueue(queue);
  }
  await channel.consume(exclusive, () => {}, { exclusive: true });
  const idle = await stage.queue(channel, 'idle', { arguments: { 'x-single-active-consumer': true } });
  return [
    got,
    await stage.outcome((other) => other.consume(exclusive, () => {})),
    await stage.outcome((other) => other.consume(idle, () => {}, { exclusive: true })),
  ];
});

compare('answers come by direct reply-to', async (stage) => {
  const [client, server] = [await stage.channel(), await stage.channel()];
  const queue = await stage.queue(server, 'rpc');
  await server.consume(queue, ({ content, properties }) => {
    server.sendToQueue(properties.replyTo, Buffer.from(`re: ${content}`), {
      correlationId: properties.correlationId,
    });
  });
  const answer = take(client, 'amq.rabbitmq.reply-to', 1, { noAck: true });
  client.sendToQueue(queue, Buffer.from('hello'), { replyTo: 'amq.rabbitmq.reply-to', correlationId: '5' });
  const [{ content, fields, properties }] = await answer;
  return [
    `${content}`,
    fields.exchange,
    fields.redelivered,
    properties.correlationId,
    await stage.outcome((on) => on.consume('amq.rabbitmq.reply-to', () => {})),
    await stage.outcome((on) => on.sendToQueue(queue, Buffer.from(''), { replyTo: 'amq.rabbitmq.reply-to' })),
    await stage.outcome((on) => on.assertQueue('amq.rabbitmq.reply-to')),
  ];
});

compare('properties that are checked are refused with the same words', async (stage) => {
  const queue = await stage.queue(await stage.channel(), 'q');
  const results = [];
  for (const options of [
    { userId: 'guest' },
    { userId: 'bob' },
    { expiration: 'soon' },
    { expiration: '-1' },
    { expiration: '1x' },
    { expiration: '99999999999' },
    { CC: 'a', headers: { CC: 'b' } },
    { headers: { CC: 'a' } },
    { headers: { BCC: { a: 1 } } },
    { headers: { CC: [1, 'a'] } },
  ]) {
    results.push(await stage.outcome((channel) => channel.sendToQueue(queue, Buffer.from('x'), options)));
  }
  return results;
});

compare(
  'a consumer is told when its queue is deleted, an auto-delete queue goes with its consumer',
  async (stage) => {
    const [channel, other] = [await stage.channel(), await stage.channel()];
    const queue = await stage.queue(channel, 'deleted');
    const told = new Promise((resolve) => channel.consume(queue, resolve, { consumerTag: 't' }));
    await channel.checkQueue(queue);
    await other.deleteQueue(queue);
    const auto = await stage.queue(channel, 'auto', { autoDelete: true });
    const { consumerTag } = await channel.consume(auto, () => {});
    await channel.cancel(consumerTag);
    return [await told, await stage.outcome((on) => on.checkQueue(auto))];
  },
);

compare('connection errors carry the same codes and texts', async (stage) => {
  const results = [];
  for (const operation of [
    (channel) => channel.assertExchange(stage.name('x'), 'bogus'),
    async (channel, queue) => {
      await channel.consume(queue, () => {}, { consumerTag: 'same' });
      await channel.consume(queue, () => {}, { consumerTag: 'same' });
    },
  ]) {
    const connection = await stage.connect();
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    const { queue } = await channel.assertQueue('', { exclusive: true });
    const failed = once(connection, 'error');
    operation(channel, queue).catch(() => {});
    const [{ code, message }] = await failed;
    results.push({ code, message });
  }
  return results;
});

compare('a dead letter goes by BCC as well', async (stage) => {
  const channel = await stage.channel();
  const first = await stage.exchange(channel, 'first', 'direct');
  const second = await stage.exchange(channel, 'second', 'direct');
  const queue = await stage.queue(channel, 'q', { messageTtl: 0, deadLetterExchange: first });
  const hop = await stage.queue(channel, 'hop', { messageTtl: 0, deadLetterExchange: second });
  const renaming = { messageTtl: 0, deadLetterExchange: second, deadLetterRoutingKey: 'other' };
  const renamed = await stage.queue(channel, 'renamed', renaming);
  const ends = await stage.queue(channel, 'ends');
  // Each way ends in its own message: the first exchange by the key, CC and BCC, the second by BCC again, or the new key.
  for (const key of [queue, 'cc', 'bcc']) await channel.bindQueue(ends, first, key);
  await channel.bindQueue(hop, first, 'bcc');
  await channel.bindQueue(renamed, first, 'cc');
  for (const key of ['bcc', 'other']) await channel.bindQueue(ends, second, key);
  const taken = take(channel, ends, 3, { noAck: true });
  channel.sendToQueue(queue, Buffer.from('x'), { CC: ['cc'], BCC: ['bcc'] });
  const messages = await taken;
  return messages
    .map(({ fields, properties }) => ({
      exchange: fields.exchange,
      routingKey: fields.routingKey,
      headers: properties.headers.CC ?? 'none',
      deaths: properties.headers['x-death'].map((death) => [death.queue, death['routing-keys']]),
    }))
    .sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
});

compare('full queues that feed each other', async (stage) => {
  const channel = await stage.channel();
  const exchange = await stage.exchange(channel, 'all', 'fanout');
  const letters = await stage.queue(channel, 'letters');
  await channel.bindQueue(letters, exchange, '');
  for (const suffix of ['a', 'b', 'c', 'd']) {
    const queue = await stage.queue(channel, suffix, { maxLength: 0, deadLetterExchange: exchange });
    await channel.bindQueue(queue, exchange, '');
  }
  // The message itself, and a letter for every way through the queues.
  const taken = take(channel, letters, 1 + 4 + 12 + 24 + 24, { noAck: true });
  channel.publish(exchange, '', Buffer.from('x'));
  const ways = (await taken).map(({ properties }) =>
    (properties.headers['x-death'] ?? []).map((death) => [death.queue, death.reason, death.count]),
  );
  return ways.map((way) => JSON.stringify(way)).sort();
});
