'use strict';

// What diagnostics_channel's subscribers are told, docs/amqplib.md says what. Without subscribers a publish and a delivery
// pay for the question whether there are any.

const { tracingChannel } = require('node:diagnostics_channel');
const { isPromise } = require('node:util').types;

const publishing = tracingChannel('oxipc:amqplib:publish');
const consuming = tracingChannel('oxipc:amqplib:consume');

// tracingChannel.hasSubscribers came with Node 20.13.
const isHeard = ({ start, end, asyncStart, asyncEnd, error }) =>
  start.hasSubscribers ||
  end.hasSubscribers ||
  asyncStart.hasSubscribers ||
  asyncEnd.hasSubscribers ||
  error.hasSubscribers;

const isPublishTraced = () => isHeard(publishing);
const isConsumeTraced = () => isHeard(consuming);

/** `publish(options)` with headers that subscribers may add to; the caller's own stay as they are. */
function tracePublish(channel, exchange, routingKey, content, given, publish) {
  const options = withOwnHeaders(given);
  const event = { channel, exchange, routingKey, content, options, awaitsConfirm: false };
  return publishing.traceSync(() => publish(options), event);
}

/** The same with a confirm, which ends the asynchronous part: `publish(options, callback)`. */
function traceConfirmedPublish(channel, exchange, routingKey, content, given, callback, publish) {
  const options = withOwnHeaders(given);
  const event = { channel, exchange, routingKey, content, options, awaitsConfirm: true };
  return publishing.traceCallback(
    (wrapped) => publish(options, wrapped),
    0,
    event,
    undefined,
    callback || (() => {}),
  );
}

function withOwnHeaders(options) {
  const headers = {};
  // As they are sent: with what they inherit.
  if (options?.headers) for (const name in options.headers) headers[name] = options.headers[name];
  return { ...options, headers };
}

/** Calls a consumer; what it returns is followed to its end when it is a promise. */
function traceConsume(channel, consumer, message) {
  const event = { channel, message };
  return consuming.start.runStores(event, () => {
    try {
      event.result = consumer(message);
      if (isPromise(event.result)) follow(event, event.result);
    } catch (error) {
      event.error = error;
      consuming.error.publish(event);
      throw error;
    } finally {
      consuming.end.publish(event);
    }
  });
}

function follow(event, promise) {
  const finish = () => {
    consuming.asyncStart.publish(event);
    consuming.asyncEnd.publish(event);
  };
  promise.then(finish, (error) => {
    event.error = error;
    consuming.error.publish(event);
    finish();
    // Nobody else looks at this promise: a rejection stays unhandled, as it is without tracing.
    throw error;
  });
}

module.exports = { isConsumeTraced, isPublishTraced, traceConfirmedPublish, traceConsume, tracePublish };
