'use strict';

// Who must hear of a channel's end, without a listener of their own each: a channel may have thousands of them.

const { kEndedBy } = require('./channel-keys');

const waiting = new WeakMap();

/** Calls `callback(reason)` when the channel closes, unless the function that this returns was called before. */
function whenEnded(channel, callback) {
  let callbacks = waiting.get(channel);
  if (callbacks === undefined) {
    callbacks = new Set();
    waiting.set(channel, callbacks);
    channel.once('close', () => {
      waiting.delete(channel);
      const reason = channel[kEndedBy] ?? new Error('channel closed');
      for (const each of callbacks) each(reason);
    });
  }
  callbacks.add(callback);
  return () => callbacks.delete(callback);
}

module.exports = { whenEnded };
