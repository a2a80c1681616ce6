'use strict';

// The brokers that the AMQP cases run against, each in a process of its own.

const { startRabbitmq } = require('../../../scripts/rabbitmq-server');
const { startPartner } = require('../partner');

let rabbitmq = null;

async function openRabbitmq() {
  const url = process.env.OXIPC_TEST_AMQP_URL;
  if (url) return { url, stop: async () => {} };
  return startRabbitmq({ progress: (line) => console.error(`RabbitMQ: ${line}`) });
}

/** What a case's `prepare` gives; a RabbitMQ stays until `stopBrokers`, since it takes seconds to start. */
async function prepareBroker({ broker }) {
  if (broker === 'embedded') return startPartner('embedded-broker.js');
  rabbitmq ??= openRabbitmq();
  const { url } = await rabbitmq;
  return { context: { url }, close: async () => {} };
}

async function stopBrokers() {
  await (await rabbitmq)?.stop();
}

module.exports = { prepareBroker, stopBrokers };
