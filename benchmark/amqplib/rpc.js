'use strict';

const { prepareBroker } = require('../harness/amqp/brokers');
const { contenders, openClient } = require('../harness/amqp/client');
const { quantile } = require('../harness/measure');

const WARM_UP = 500;
const body = Buffer.alloc(100, 'x');

/** Calls one after the other: request to the server's queue, answer to the caller's. */
async function call(client, requests, replies, count) {
  const samples = [];
  let arrived;
  const consumerTag = await client.consume(replies, true, (_message, _content, { correlationId }) =>
    arrived(correlationId),
  );
  for (let id = 0; id < count; id++) {
    const start = process.hrtime.bigint();
    const answered = new Promise((resolve) => (arrived = resolve));
    client.send(requests, body, { replyTo: replies, correlationId: String(id) });
    if ((await answered) !== String(id)) throw new Error('another answer');
    samples.push(Number(process.hrtime.bigint() - start) / 1000);
  }
  await client.cancel(consumerTag);
  return samples;
}

module.exports = {
  question:
    'How long does a call over two queues take, caller and server being one process with two connections?',
  contenders,
  variants: {
    RabbitMQ: { broker: 'rabbitmq', calls: 2_000 },
    'embedded broker': { broker: 'embedded', calls: 5_000 },
  },
  metrics: {
    p50: { unit: 'µs', better: 'lower' },
    p99: { unit: 'µs', better: 'lower' },
  },
  prepare: prepareBroker,
  async measure(library, { calls }, { url }) {
    const server = await openClient(library, url);
    const client = await openClient(library, url);
    const requests = await server.openQueue();
    const replies = await client.openQueue();
    await server.consume(requests, true, (_message, content, { replyTo, correlationId }) =>
      server.send(replyTo, content, { correlationId }),
    );
    await call(client, requests, replies, WARM_UP);
    const samples = await call(client, requests, replies, calls);
    await client.close();
    await server.close();
    return { p50: quantile(samples, 0.5), p99: quantile(samples, 0.99) };
  },
};
