'use strict';

// The brokers that AMQP tests run against: RabbitMQ and our own.
//
//   for (const broker of brokers) {
//     test(`… (${broker.name})`, { skip: broker.skip }, async () => {
//       const url = await broker.open(); …

const { after } = require('node:test');

const { createBroker } = require('../../lib/broker');
const { rabbitmq } = require('./rabbitmq');

let embedded;

/** One per test file, started by the first test that wants it. */
async function openEmbedded() {
  embedded ??= createBroker({ port: 0 });
  return (await embedded).url;
}

// Here and not where it is started: inside a test the hook would be that test's.
after(async () => (await embedded)?.close());

const brokers = [
  { name: 'RabbitMQ', skip: rabbitmq.skip, open: async () => rabbitmq.url },
  { name: 'embedded broker', skip: false, open: openEmbedded },
];

module.exports = { brokers };
