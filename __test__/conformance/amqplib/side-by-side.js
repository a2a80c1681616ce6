'use strict';

// Runs a scenario through amqplib and through ours, against the same broker, and compares what it wrote down.

const assert = require('node:assert');
const { test } = require('node:test');

const original = { promise: require('amqplib'), callback: require('amqplib/callback_api') };
const ours = {
  promise: require('../../../lib/amqplib'),
  callback: require('../../../lib/amqplib/callback-api'),
};

const { brokers } = require('../../support/brokers');

// Names that brokers make up.
const GENERATED = /amq\.(gen|ctag)-[\w-]+/g;

let counter = 0;

/** An error as plain data: all that programs look at. */
function describeError(error) {
  if (!(error instanceof Error)) return error;
  const described = { class: error.name, message: error.message.replace(GENERATED, 'amq.$1-*') };
  for (const key of Object.keys(error)) if (!/^stack/.test(key)) described[key] = error[key];
  if ('stackAtStateChange' in error) described.hasStackAtStateChange = error.stackAtStateChange !== undefined;
  return described;
}

/** A value with generated names and errors made comparable. */
function comparable(value) {
  if (typeof value === 'string') return value.replace(GENERATED, 'amq.$1-*');
  if (value instanceof Error) return describeError(value);
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) return value.map(comparable);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, comparable(inner)]));
}

/** What a scenario gets: the library, the broker's URL, names of its own, and a book to write into. */
class Scenario {
  #prefix;
  log = [];

  constructor(library, url, prefix) {
    this.library = library.promise;
    this.callbackLibrary = library.callback;
    this.url = url;
    this.#prefix = prefix;
  }

  name(suffix) {
    return `${this.#prefix}.${suffix}`;
  }

  write(...entry) {
    this.log.push(comparable(entry));
  }

  /** Writes down that `emitter` emits one of `events`, with its values. */
  watch(label, emitter, events) {
    for (const event of events) emitter.on(event, (...values) => this.write(label, event, ...values));
  }

  /** Writes down how a promise or a function that may throw ends. */
  async outcome(label, action) {
    try {
      this.write(label, 'gave', await action());
    } catch (error) {
      this.write(label, 'failed', error);
    }
  }

  connect(options) {
    return this.library.connect(this.url, options);
  }
}

async function transcript(library, url, prefix, run) {
  const scenario = new Scenario(library, url, prefix);
  await run(scenario);
  // What comes while the scenario's peers go away is not part of it.
  return [...scenario.log];
}

/** Defines one test per broker. `run(scenario)` writes down what it sees; both libraries must write the same. */
function sideBySide(name, run, selected = brokers) {
  for (const broker of selected) {
    test(`${name} (${broker.name})`, { skip: broker.skip }, async () => {
      const url = await broker.open();
      const prefix = `oxipc.test.${process.pid}.${++counter}`;
      const expected = await transcript(original, url, prefix, run);
      const actual = await transcript(ours, url, prefix, run);
      assert.ok(expected.length > 0, 'the scenario wrote nothing down');
      assert.deepStrictEqual(actual, expected);
    });
  }
}

/** The same for what only RabbitMQ has. */
function sideBySideOnRabbitmq(name, run) {
  sideBySide(
    name,
    run,
    brokers.filter((broker) => broker.name === 'RabbitMQ'),
  );
}

/** The same for scenarios that bring the peer themselves. */
function sideBySideAlone(name, run) {
  test(name, async () => {
    const expected = await transcript(original, null, 'alone', run);
    const actual = await transcript(ours, null, 'alone', run);
    assert.ok(expected.length > 0, 'the scenario wrote nothing down');
    assert.deepStrictEqual(actual, expected);
  });
}

/** Resolves with the values of the emitter's next `event`. */
function next(emitter, event) {
  return new Promise((resolve) => emitter.once(event, (...values) => resolve(values)));
}

module.exports = { describeError, next, ours, original, sideBySide, sideBySideAlone, sideBySideOnRabbitmq };
