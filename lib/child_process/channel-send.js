'use strict';

// Sending on the fork channel: `child.send`, and what waits while a handle is not acknowledged.

const { AsyncResource } = require('node:async_hooks');

const { ERR_INVALID_ARG_TYPE, ERR_IPC_CHANNEL_CLOSED, ERR_MISSING_ARGS } = require('../internal/errors');
const { errnoException } = require('../internal/system-errors');
const { validateObject } = require('../internal/validators');
const { conversions, typeOf } = require('./channel-handles');
const { kChannel } = require('./channel-key');

/** `send` says no from here on: two reads of the peer. Node's number. */
const WRITE_QUEUE_BYTES = 65536 * 2;
/** How often a handle that did not arrive is sent again; Node's number. */
const MAX_HANDLE_RETRANSMISSIONS = 3;
const NO_OPTIONS = { __proto__: null };

function send(message, handle, options, callback) {
  if (typeof handle === 'function') {
    callback = handle;
    handle = undefined;
    options = undefined;
  } else if (typeof options === 'function') {
    callback = options;
    options = undefined;
  } else if (options !== undefined) {
    validateObject(options, 'options');
    // It may wait for a while, and is the caller's.
    options = { ...options };
  }

  if (this.connected) return this._send(message, handle, options, callback);
  report(this, new ERR_IPC_CHANNEL_CLOSED(), callback);
  return false;
}

function sendNow(message, handle, options, callback) {
  if (message === undefined) throw new ERR_MISSING_ARGS('message');
  const type = typeof message;
  if (type !== 'string' && type !== 'object' && type !== 'number' && type !== 'boolean') {
    throw new ERR_INVALID_ARG_TYPE('message', ['string', 'object', 'number', 'boolean'], message);
  }
  if (options === undefined || options === null) options = NO_OPTIONS;
  else if (typeof options === 'boolean') options = { swallowErrors: options };

  const channel = this[kChannel];
  let conversion;
  if (handle) {
    const name = typeOf(handle);
    if (this._handleQueue) return enqueue(this, { message, handle, options, callback });
    conversion = conversions[name];
    const envelope = { cmd: 'NODE_HANDLE', type: name, msg: message };
    handle = conversion.send(this, envelope, handle, options);
    // Sent before, or closed: the text goes alone.
    if (handle) message = envelope;
  } else if (this._handleQueue && message?.cmd !== 'NODE_HANDLE_ACK' && message?.cmd !== 'NODE_HANDLE_NACK') {
    return enqueue(this, { message, handle: null, options, callback });
  }

  const status = transmit(this, message, handle, callback);
  const closes = handle && conversion.closes && !options.keepOpen;
  if (status >= 0) {
    if (closes) this._pendingMessage = { callback, message, handle, options, retransmissions: 0 };
  } else {
    if (closes) handle.close();
    if (!options.swallowErrors) report(this, errnoException(status, 'write'), callback);
  }
  // Taken whole: nothing waits, and there is no need to ask.
  return status === 0 || channel.handle.writeQueueSize < WRITE_QUEUE_BYTES;
}

// Messages after one with a handle wait for its acknowledgement. Returns native's status.
function transmit(target, message, handle, callback) {
  const channel = target[kChannel];
  const status = channel.write(message, handle);
  if (status >= 0 && handle) target._handleQueue ??= [];
  if (status > 0) {
    channel.unsent.push({ callback: inCallersContext(callback), hasHandle: Boolean(handle) });
    channel.control.refCounted();
  } else if (status === 0 && typeof callback === 'function') {
    process.nextTick(callback, null);
  }
  return status;
}

const inCallersContext = (callback) =>
  typeof callback === 'function' ? AsyncResource.bind(callback, 'WRITEWRAP') : callback;

function enqueue(target, entry) {
  target._handleQueue.push(entry);
  return target._handleQueue.length === 1;
}

function report(target, error, callback) {
  if (typeof callback === 'function') process.nextTick(callback, error);
  else process.nextTick(() => target.emit('error', error));
}

/** The peer has said whether the handle under way has arrived: what waited behind it is sent. */
function acknowledged(target, arrived) {
  const pending = target._pendingMessage;
  if (pending && arrived) {
    closePending(target);
  } else if (pending && pending.retransmissions++ === MAX_HANDLE_RETRANSMISSIONS) {
    closePending(target);
    process.emitWarning(
      'Handle did not reach the receiving process correctly',
      'SentHandleNotReceivedWarning',
    );
  }

  const queue = target._handleQueue ?? [];
  target._handleQueue = null;
  if (target._pendingMessage) sendAgain(target);
  for (const { message, handle, options, callback } of queue)
    target._send(message, handle, options, callback);

  if (!target.connected && target.channel && !target._handleQueue) target._disconnect();
}

// As it was; its callback has been called.
function sendAgain(target) {
  const { message, handle, options, callback } = target._pendingMessage;
  const status = transmit(target, message, handle);
  if (status >= 0) return;
  closePending(target);
  if (!options.swallowErrors) report(target, errnoException(status, 'write'), callback);
}

function closePending(target) {
  target._pendingMessage.handle.close();
  target._pendingMessage = null;
}

// Nobody will acknowledge the handle for which these wait.
function giveUpQueue(target) {
  const queue = target._handleQueue ?? [];
  target._handleQueue = null;
  // Without a callback they are lost in silence, as in Node: a peer that crashes must not take this side along.
  for (const { callback } of queue) if (callback) report(target, new ERR_IPC_CHANNEL_CLOSED(), callback);
}

module.exports = { acknowledged, closePending, giveUpQueue, report, send, sendNow };
