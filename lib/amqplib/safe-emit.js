'use strict';

const { setImmediate } = require('node:timers');

/**
 * Emits, and hands what a listener throws to 'handler-error' listeners, of `emitter` or of the model in front of it.
 * Without any it goes on as the listener's exception.
 */
function safeEmit(emitter, event, ...values) {
  try {
    emitter.emit(event, ...values);
  } catch (error) {
    reportHandlerError(emitter, event, error);
  }
}

function reportHandlerError(emitter, event, error) {
  const isHeard = (target) => target !== undefined && target.listenerCount('handler-error') > 0;
  const target = [emitter, emitter.model].find(isHeard);
  if (target === undefined) throw error;
  setImmediate(() => target.emit('handler-error', error, event));
}

module.exports = { reportHandlerError, safeEmit };
