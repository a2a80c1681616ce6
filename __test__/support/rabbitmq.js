'use strict';

// The RabbitMQ that tests share, as `npm test` or `scripts/rabbitmq exec` provides it. Tests that kill or configure a
// RabbitMQ start their own with scripts/rabbitmq-server.
//
//   const { rabbitmq } = require('../support/rabbitmq');
//   test('…', { skip: rabbitmq.skip }, async () => { await connect(rabbitmq.url) … });

const url = process.env.OXIPC_TEST_AMQP_URL || null;
const embedded = process.env.OXIPC_TEST_EMBEDDED === '1';

const missing = embedded
  ? 'needs RabbitMQ, and this run is without (npm test runs it)'
  : 'needs RabbitMQ: run `npm test`, or set OXIPC_TEST_AMQP_URL';

/** `skip` is false when there is a RabbitMQ, else the reason for node:test's `skip` option. */
const rabbitmq = { url, skip: url ? false : missing };

/** For tests that start a RabbitMQ of their own: the reason to skip them in a run without. */
const ownRabbitmq = { skip: embedded ? missing : false };

module.exports = { ownRabbitmq, rabbitmq };
