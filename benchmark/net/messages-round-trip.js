'use strict';

const { contenders, startReceiver } = require('../harness/messages');
const { quantile } = require('../harness/measure');
const { stopwatch } = require('../harness/stopwatch');

const WARM_UP = 2_000;
// 100 bytes of JSON.
const value = {
  id: 12345,
  name: 'somebody',
  email: 'somebody@example.com',
  tags: ['one', 'two'],
  ok: true,
  n: 1234,
};

async function call(client, count, inFlight) {
  const samples = [];
  let left = count;
  const loop = async () => {
    while (left-- > 0) {
      const start = process.hrtime.bigint();
      await client.request(value);
      samples.push(Number(process.hrtime.bigint() - start) / 1000);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  return samples;
}

module.exports = {
  question: 'How many round trips of a 100-byte JSON object a second do two processes make?',
  contenders,
  variants: {
    '1 in flight, one CPU': { inFlight: 1, count: 20_000, oneCpu: true },
    '64 in flight, one CPU': { inFlight: 64, count: 40_000, oneCpu: true },
    '1 in flight, two CPUs': { inFlight: 1, count: 10_000 },
    '64 in flight, two CPUs': { inFlight: 64, count: 40_000 },
  },
  metrics: {
    'round trips': { unit: 'per s', better: 'higher' },
    p50: { unit: 'µs', better: 'lower' },
    CPU: { unit: 'µs per round trip', better: 'lower' },
  },
  async measure(contender, { inFlight, count }) {
    const { client, close } = await startReceiver(contender, 'json');
    await call(client, WARM_UP, inFlight);
    let samples;
    const { seconds, cpu } = await stopwatch(async () => {
      samples = await call(client, count, inFlight);
    });
    await close();
    return { 'round trips': count / seconds, p50: quantile(samples, 0.5), CPU: cpu / count };
  },
};
