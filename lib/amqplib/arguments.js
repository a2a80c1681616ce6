'use strict';

// From the arguments and options of channel methods to the fields of AMQP methods, with amqplib's defaults.

const NONE = Object.freeze({});

// Options that are names for entries of `arguments`.
const QUEUE_ARGUMENTS = [
  ['x-expires', 'expires'],
  ['x-message-ttl', 'messageTtl'],
  ['x-dead-letter-exchange', 'deadLetterExchange'],
  ['x-dead-letter-routing-key', 'deadLetterRoutingKey'],
  ['x-max-length', 'maxLength'],
  ['x-max-priority', 'maxPriority'],
  ['x-overflow', 'overflow'],
  ['x-queue-mode', 'queueMode'],
];
const EXCHANGE_ARGUMENTS = [['alternate-exchange', 'alternateExchange']];
const CONSUME_ARGUMENTS = [['x-priority', 'priority']];

// The given arguments are inherited from, never changed; an undefined option must not hide one of them.
function collectArguments(options, names) {
  const collected = Object.create(options.arguments || null);
  for (const [name, option] of names) {
    if (options[option] !== undefined) collected[name] = options[option];
  }
  return collected;
}

const orTrue = (value) => (value === undefined ? true : value);

function assertQueue(queue, options) {
  const given = options || NONE;
  return {
    queue: queue || '',
    passive: false,
    durable: orTrue(given.durable),
    exclusive: !!given.exclusive,
    autoDelete: !!given.autoDelete,
    arguments: collectArguments(given, QUEUE_ARGUMENTS),
  };
}

const checkQueue = (queue) => ({ queue, passive: true, durable: true });

function deleteQueue(queue, options) {
  const { ifUnused, ifEmpty } = options || NONE;
  return { queue, ifUnused: !!ifUnused, ifEmpty: !!ifEmpty };
}

const purgeQueue = (queue) => ({ queue });

const bindQueue = (queue, exchange, routingKey, args) => ({ queue, exchange, routingKey, arguments: args });

function assertExchange(exchange, type, options) {
  const given = options || NONE;
  return {
    exchange,
    type,
    passive: false,
    durable: orTrue(given.durable),
    autoDelete: !!given.autoDelete,
    internal: !!given.internal,
    arguments: collectArguments(given, EXCHANGE_ARGUMENTS),
  };
}

const checkExchange = (exchange) => ({ exchange, passive: true, durable: true, type: '' });

const deleteExchange = (exchange, options) => ({ exchange, ifUnused: !!(options || NONE).ifUnused });

const bindExchange = (destination, source, routingKey, args) => ({
  destination,
  source,
  routingKey,
  arguments: args,
});

function consume(queue, options) {
  const given = options || NONE;
  return {
    queue,
    consumerTag: given.consumerTag || '',
    noLocal: !!given.noLocal,
    noAck: !!given.noAck,
    exclusive: !!given.exclusive,
    arguments: collectArguments(given, CONSUME_ARGUMENTS),
  };
}

const cancel = (consumerTag) => ({ consumerTag });

const get = (queue, options) => ({ queue, noAck: !!(options || NONE).noAck });

const prefetch = (count, global) => ({ prefetchCount: count || 0, prefetchSize: 0, global: !!global });

const recover = () => ({ requeue: true });

module.exports = {
  assertExchange,
  assertQueue,
  bindExchange,
  bindQueue,
  cancel,
  checkExchange,
  checkQueue,
  consume,
  deleteExchange,
  deleteQueue,
  get,
  orTrue,
  prefetch,
  purgeQueue,
  recover,
};
