'use strict';

const { contenders, startReceiver } = require('../harness/messages');
const { stopwatch } = require('../harness/stopwatch');

const WARM_UP = 20_000;
const message = Buffer.alloc(100, 'x');

module.exports = {
  question: 'How many 100-byte messages a second go from one process to another, and what does one cost?',
  contenders: { ...contenders, zeromq: './messages/zeromq' },
  metrics: {
    messages: { unit: 'per s', better: 'higher' },
    sending: { unit: 'µs CPU per message', better: 'lower' },
    receiving: { unit: 'µs CPU per message', better: 'lower' },
  },
  async measure(contender) {
    const count = contender.oneWayCount;
    const { client, told, close } = await startReceiver(contender, 'raw', WARM_UP, WARM_UP + count);
    const warm = told();
    await client.send(message, WARM_UP);
    const before = await warm;
    const all = told();
    let after;
    let sending;
    const { seconds } = await stopwatch(async () => {
      ({ cpu: sending } = await stopwatch(() => client.send(message, count)));
      after = await all;
    });
    await close();
    return {
      messages: count / seconds,
      sending: sending / count,
      receiving: (after.cpu - before.cpu) / count,
    };
  },
};
