'use strict';

const { setImmediate } = require('node:timers');

const { kModel } = require('./channel-keys');

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
  const target = [emitter, emitter[kModel]].find(isHeard);
  if (target === undefined) throw error;
  setImmediate(() => target.emit('handler-error', error, event));
}

/**
 * Takes all steps, whatever the listeners and callbacks in them throw: a state that is half changed would keep a connection
 * from closing. What is thrown goes on: the first from here, others as exceptions of their own.
 */
function runAll(...steps) {
  const thrown = [];
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      thrown.push(error);
    }
  }
  if (thrown.length === 0) return;
  const [first, ...others] = thrown;
  for (const error of others) throwLater(error);
  throw first;
}

/** An exception that nobody up the stack can answer for: it is the process's. */
function throwLater(error) {
  process.nextTick(() => {
    throw error;
  });
}

module.exports = { reportHandlerError, runAll, safeEmit, throwLater };
