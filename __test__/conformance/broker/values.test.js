'use strict';

// Values in headers and arguments: which are equal, which are refused, in which order they are written.

const { once } = require('node:events');
const { compare, drain } = require('./compare');

compare('a headers exchange compares values without the types that they travelled in', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const exchange = await stage.exchange(channel, 'headers', 'headers');
  const typed = (type, value) => ({ '!': type, value });
  const values = {
    text: 'x',
    bytes: Buffer.from('x'),
    byte: typed('byte', 1),
    long: typed('long', 1),
    timestamp: typed('timestamp', 1),
    float: typed('float', 1),
    double: typed('double', 1),
    yes: true,
    half: typed('double', 0.5),
    halfFloat: typed('float', 0.5),
    decimal: typed('decimal', { digits: 1, places: 0 }),
    none: null,
    textInArray: ['x'],
    bytesInArray: [Buffer.from('x')],
    table: { a: 1 },
    tableOfLong: { a: typed('long', 1) },
  };
  const result = {};
  for (const [wanted, value] of Object.entries(values)) {
    const queue = await stage.queue(channel, wanted);
    await channel.bindQueue(queue, exchange, '', { 'x-match': 'all', h: value });
    for (const [given, h] of Object.entries(values)) {
      channel.publish(exchange, '', Buffer.from(given), { headers: { h } });
    }
    await channel.waitForConfirms();
    result[wanted] = (await drain(channel, queue)).map(({ content }) => content.toString()).sort();
    await channel.deleteQueue(queue);
  }
  return result;
});

compare('headers nested deep go through, those that are no number end the connection', async (stage) => {
  const result = [];
  for (const depth of [10, 63, 64, 65, 66, 200]) {
    const channel = await stage.channel({ confirm: true });
    const queue = await stage.queue(channel, `deep-${depth}`);
    const headers = {};
    let innermost = headers;
    for (let level = 0; level < depth; level++) innermost = innermost.d = {};
    channel.sendToQueue(queue, Buffer.from('x'), { headers });
    await channel.waitForConfirms();
    let levels = 0;
    const [message] = await drain(channel, queue);
    for (let at = message.properties.headers.d; at; at = at.d) levels++;
    result.push([depth, levels]);
  }
  for (const value of [Infinity, -Infinity, NaN]) {
    const connection = await stage.connect();
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {});
    const failed = once(connection, 'error');
    channel.publish('', 'nowhere', Buffer.from('x'), { headers: { number: { '!': 'double', value } } });
    const [{ code, message }] = await failed;
    result.push([`${value}`, code, message]);
  }
  return result;
});

compare('an empty routing key has no words', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const exchange = await stage.exchange(channel, 'topic', 'topic');
  const patterns = ['', '*', '#', '*.*', '#.*', '*.#', '.', '#.#', 'a'];
  const keys = ['', 'a', '.', 'a.', '.a', '..'];
  const result = {};
  for (const [index, pattern] of patterns.entries()) {
    const queue = await stage.queue(channel, `words-${index}`);
    await channel.bindQueue(queue, exchange, pattern);
    for (const key of keys) channel.publish(exchange, key, Buffer.from(key));
    await channel.waitForConfirms();
    result[pattern] = (await drain(channel, queue)).map(({ fields }) => fields.routingKey).sort();
    await channel.unbindQueue(queue, exchange, pattern);
  }
  return result;
});

compare('x-death and its companions are written in the same order', async (stage) => {
  const channel = await stage.channel({ confirm: true });
  const last = await stage.queue(channel, 'last');
  const second = await stage.queue(channel, 'second', {
    deadLetterExchange: '',
    deadLetterRoutingKey: last,
    maxLength: 0,
  });
  const first = await stage.queue(channel, 'first', {
    deadLetterExchange: '',
    deadLetterRoutingKey: second,
    messageTtl: 0,
  });
  const results = [];
  const shown = ({ properties }) =>
    JSON.stringify(properties.headers, (key, value) => (key === 'time' ? typeof value : value));
  let headers = { zebra: 1, x: { b: 1, a: 2 }, alpha: ['y'], 'x-d': 1, 'x-f': 2 };
  for (let round = 0; round < 3; round++) {
    const taken = new Promise((resolve) =>
      channel.consume(last, resolve, { noAck: true, consumerTag: `t${round}` }),
    );
    channel.sendToQueue(first, Buffer.from('x'), { headers, expiration: '0' });
    const message = await taken;
    await channel.cancel(`t${round}`);
    results.push(shown(message));
    // With its history the message would not come through the same queues again.
    const { 'x-death': _history, ...others } = message.properties.headers;
    headers = others;
  }
  return results;
});
