'use strict';

// Consuming with for await: `channel.messages(queue, { prefetch })`.

const DEFAULT_PREFETCH = 100;

/** What a consumer has been given and the loop has not taken. The broker bounds it by the prefetch. */
class Inbox {
  #messages = [];
  #isCancelled = false;
  #failure = null;
  #wake = () => {};

  push = (message) => {
    if (message === null) this.#isCancelled = true;
    else this.#messages.push(message);
    this.#wake();
  };

  fail = (error) => {
    this.#failure ??= { error };
    this.#wake();
  };

  get isOpen() {
    return !this.#isCancelled && this.#failure === null;
  }

  /** The next message, null at the consumer's end. Throws what it failed with. */
  async next() {
    for (;;) {
      if (this.#failure !== null) throw this.#failure.error;
      if (this.#messages.length > 0) return this.#messages.shift();
      if (this.#isCancelled) return null;
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }

  drain() {
    return this.#messages.splice(0);
  }
}

/**
 * Messages of a queue, one at a time, each the loop's to acknowledge. Leaving the loop cancels the consumer, and what was
 * delivered and not looked at goes back to the queue. Ends when the broker cancels the consumer; throws when the channel
 * closes or `signal` aborts.
 */
async function* messages(channel, queue, options = {}) {
  const { prefetch = DEFAULT_PREFETCH, signal, ...consumeOptions } = options;
  signal?.throwIfAborted();
  const inbox = new Inbox();
  let isChannelOpen = true;
  const onError = (error) => {
    isChannelOpen = false;
    inbox.fail(error);
  };
  const onClose = () => onError(new Error('channel closed'));
  const onAbort = () => inbox.fail(signal.reason);
  channel.on('error', onError).on('close', onClose);
  signal?.addEventListener('abort', onAbort);
  let consumerTag;
  try {
    if (!consumeOptions.noAck) await channel.prefetch(prefetch);
    ({ consumerTag } = await channel.consume(queue, inbox.push, consumeOptions));
    for (let message = await inbox.next(); message !== null; message = await inbox.next()) yield message;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    if (isChannelOpen && consumerTag !== undefined) {
      if (inbox.isOpen || signal?.aborted) await channel.cancel(consumerTag).catch(() => {});
      if (!consumeOptions.noAck && isChannelOpen) requeue(channel, inbox.drain());
    }
    channel.off('error', onError).off('close', onClose);
  }
}

function requeue(channel, messages) {
  try {
    for (const message of messages) channel.nack(message);
  } catch (error) {
    // A channel that is just closing gives them all back.
    if (error.name !== 'IllegalOperationError') throw error;
  }
}

module.exports = { DEFAULT_PREFETCH, messages };
