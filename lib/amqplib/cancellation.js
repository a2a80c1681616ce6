'use strict';

// AbortSignal for what waits on a channel. Whoever aborts hears the signal's reason, as with fetch.

const { validateAbortSignal, validateObject } = require('../internal/validators');
const { whenEnded } = require('./channel-end');

/** The signal of `options`, if there is one; throws when it is none, and its reason when it is aborted already. */
function signalOf(options, path = 'options') {
  const signal = options?.signal;
  if (signal === undefined) return undefined;
  validateAbortSignal(signal, `${path}.signal`);
  signal.throwIfAborted();
  return signal;
}

/** Of a function of amqplib's: there ours stand under a name that nobody else uses. */
function ownSignalOf({ oxipc }) {
  validateObject(oxipc, 'options.oxipc');
  return signalOf(oxipc, 'options.oxipc');
}

const hasOwnOptions = (options) => options?.oxipc != null;

/**
 * Settles as `promise` does, unless the signal aborts before. `onLate` gets the value that nobody waits for any more;
 * `isDecided` may know that there is going to be one that somebody does.
 */
function abortable(promise, signal, { onLate = () => {}, isDecided = () => false } = {}) {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    let isAborted = false;
    const onAbort = () => {
      if (isDecided()) return;
      isAborted = true;
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) => {
        signal.removeEventListener('abort', onAbort);
        if (isAborted) onLate(value);
        else resolve(value);
      },
      (error) => {
        signal.removeEventListener('abort', onAbort);
        reject(error);
      },
    );
  });
}

/**
 * Consumes until the signal aborts: `onMessage` is not called again from then on, the consumer is cancelled and what was on
 * its way goes back to the queue.
 */
async function consumeUntilAborted(channel, queue, onMessage, { oxipc, ...options }) {
  const signal = ownSignalOf({ oxipc });
  if (signal === undefined) return channel.consume(queue, onMessage, options);
  let hasStarted = false;
  const deliver = (message) => {
    // The first messages may come before the promise has told of the consumer.
    hasStarted = true;
    if (!signal.aborted) return onMessage(message);
    if (message !== null && !options.noAck) channel.nack(message);
  };
  const consuming = channel.consume(queue, deliver, options).then((answer) => {
    // When the channel has gone, so has the consumer.
    const cancel = () => channel.cancel(answer.consumerTag).catch(() => {});
    if (signal.aborted) cancel();
    else onceAborted(channel, signal, cancel);
    return answer;
  });
  return abortable(consuming, signal, { isDecided: () => hasStarted });
}

/** A message that comes after the abort goes back to its queue. */
async function getUnlessAborted(channel, queue, { noAck, ...options }) {
  const signal = ownSignalOf(options);
  const onLate = (message) => {
    if (message && !noAck) channel.nack(message);
  };
  return abortable(channel.get(queue, { noAck }), signal, { onLate });
}

/** `start()`, whose promise rejects when the signal that `find` gives aborts before it settles. */
async function unlessAborted(find, start) {
  const signal = find();
  return abortable(start(), signal);
}

/** Calls `callback` when the signal aborts before the channel ends. */
function onceAborted(channel, signal, callback) {
  const forget = whenEnded(channel, () => signal.removeEventListener('abort', onAbort));
  const onAbort = () => {
    forget();
    callback();
  };
  signal.addEventListener('abort', onAbort, { once: true });
}

module.exports = {
  consumeUntilAborted,
  getUnlessAborted,
  hasOwnOptions,
  onceAborted,
  ownSignalOf,
  signalOf,
  unlessAborted,
};
