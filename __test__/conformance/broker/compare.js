'use strict';

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const { once } = require('node:events');
const { test } = require('node:test');
const amqp = require('amqplib');
const { createBroker } = require('../../../lib/broker');
const { rabbitmq } = require('../../support/rabbitmq');

// Runs one scenario with amqplib against RabbitMQ and against the embedded broker; both must give the same result.
//
// `scenario` gets a `Stage` and returns plain data. Names come from `stage.name`, so that runs do not meet, and are
// written as `NAME` in what is compared.
function compare(title, scenario) {
  test(title, { skip: rabbitmq.skip }, async () => {
    const broker = await createBroker({ port: 0 });
    try {
      const expected = await perform(rabbitmq.url, scenario);
      assert.deepEqual(await perform(broker.url, scenario), expected);
    } finally {
      await broker.close();
    }
  });
}

class Stage {
  #undo = [];
  #connections = [];
  #prefix = `oxipc-${randomUUID().slice(0, 8)}`;

  constructor(url) {
    this.url = url;
  }

  get prefix() {
    return this.#prefix;
  }

  name(suffix) {
    return `${this.#prefix}-${suffix}`;
  }

  async connect() {
    const connection = await amqp.connect(this.url);
    connection.on('error', () => {});
    this.#connections.push(connection);
    return connection;
  }

  async channel({ confirm = false } = {}) {
    const connection = (this.connection ??= await this.connect());
    const channel = confirm ? await connection.createConfirmChannel() : await connection.createChannel();
    channel.on('error', () => {});
    return channel;
  }

  /** A queue that goes with the scenario. */
  async queue(channel, suffix, options) {
    const { queue } = await channel.assertQueue(this.name(suffix), { durable: false, ...options });
    this.#undo.push((last) => last.deleteQueue(queue));
    return queue;
  }

  async exchange(channel, suffix, type, options) {
    const { exchange } = await channel.assertExchange(this.name(suffix), type, {
      durable: false,
      ...options,
    });
    this.#undo.push((last) => last.deleteExchange(exchange));
    return exchange;
  }

  /** What `operation` on a channel of its own does: its result, or the error of the promise or of the channel. */
  async outcome(operation, options) {
    const channel = await this.channel(options);
    const failed = once(channel, 'error').then(([error]) => describeError(error));
    const done = (async () => {
      const value = await operation(channel);
      // What is wrong with a message or an ack shows with the next answer.
      await channel.checkExchange('amq.direct');
      return { value };
    })().catch(describeError);
    const result = await Promise.race([done, failed]);
    if (result.value !== undefined || !result.message) await channel.close();
    return result;
  }

  async end() {
    const last = await (await this.connect()).createChannel();
    for (const undo of this.#undo.reverse()) await undo(last);
    for (const connection of this.#connections) await connection.close().catch(() => {});
  }
}

function describeError({ code, classId, methodId, message }) {
  // The same text stands in the error of the promise and in that of the channel, with different words around it.
  const [, text] = /with message "(.*)"/s.exec(message) ?? [null, message];
  return { code, classId, methodId, message: text };
}

async function perform(url, scenario) {
  const stage = new Stage(url);
  try {
    const result = await scenario(stage);
    const text = JSON.stringify(result, (key, value) => (value === undefined ? 'undefined' : value));
    return JSON.parse(text.replaceAll(stage.prefix, 'NAME'));
  } finally {
    await stage.end();
  }
}

/** Gets messages until the queue is empty. */
async function drain(channel, queue, options = { noAck: true }) {
  const messages = [];
  for (
    let message = await channel.get(queue, options);
    message;
    message = await channel.get(queue, options)
  ) {
    messages.push(message);
  }
  return messages;
}

/** Resolves with the first `count` messages of a consumer. */
function take(channel, queue, count, options) {
  return new Promise((resolve, reject) => {
    const messages = [];
    const consume = (message) => messages.push(message) === count && resolve(messages);
    channel.consume(queue, consume, options).catch(reject);
  });
}

const bodies = (messages) => messages.map(({ content }) => content.toString());

module.exports = { bodies, compare, drain, take };
