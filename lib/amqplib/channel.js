'use strict';

// A channel's state: the operation that waits for its answer and those behind it, consumers, confirms, closing. The
// promise and the callback API are two faces of it.

const EventEmitter = require('node:events');

const { orTrue } = require('./arguments');
const { Confirms } = require('./confirms');
const { closeError, closeMessage, describeFrame, IllegalOperationError } = require('./errors');
const { operationError, stackCapture } = require('./errors');
const { methodName, methods } = require('./methods');
const { LastPublish, readPublication } = require('./orders');
const { reportHandlerError, safeEmit } = require('./safe-emit');
const tracing = require('./tracing');

const REPLY_SUCCESS = 200;
const UNEXPECTED_FRAME = 505;
const INTERNAL_ERROR = 541;

// amqplib counts the buffers it writes, in two stages of this size: see `#countWrites`.
const DEFAULT_HIGH_WATER_MARK = 1024;
// A message below this is one buffer, else method and header are one and each body frame is one.
const SINGLE_CHUNK_BYTES = 2048;
const FRAME_OVERHEAD = 8;
// Frames of method and header without names and properties.
const METHOD_AND_HEADER_BYTES = 17 + 20;

const RUNNING = 0;
const CLOSING = 1;
const CLOSED = 2;

class BaseChannel extends EventEmitter {
  #state = RUNNING;
  #illegal = null;
  #onClosed = undefined;
  #confirms = new Confirms();
  #closedWithUnconfirmed = false;
  #last = new LastPublish();
  #firstFalse;
  #writes = 0;
  #needsDrain = false;

  connection;
  consumers = new Map();
  /** The channel's number. */
  ch = undefined;
  /** What waits for the answer to the operation that was sent last. */
  reply = null;
  /** Operations behind it. */
  pending = [];
  /** Why the channel closed, when nobody here wanted that. */
  endedBy = undefined;

  constructor(connection, options) {
    super();
    this.connection = connection;
    const highWaterMark = options?.highWaterMark || DEFAULT_HIGH_WATER_MARK;
    this.#firstFalse = 2 * highWaterMark - 1;
  }

  allocate() {
    this.ch = this.connection.freshChannel(this);
    return this;
  }

  // --- out

  #check() {
    if (this.#illegal !== null) throw new IllegalOperationError(...this.#illegal);
  }

  #countWrites(count) {
    if (this.#writes === 0) this.connection.drainLater(this);
    this.#writes += count;
    if (this.#writes < this.#firstFalse) return true;
    this.#needsDrain = true;
    return false;
  }

  /** The loop has turned and what was written is on its way. */
  drain() {
    this.#writes = 0;
    if (!this.#needsDrain) return;
    this.#needsDrain = false;
    safeEmit(this, 'drain');
  }

  sendImmediately(method, fields) {
    this.#check();
    this.connection.sendMethod(this.ch, method, fields);
    this.#countWrites(1);
  }

  /** One operation at a time is under way on a channel; `reply(error, { method, fields, message })`. */
  sendOrEnqueue(method, fields, reply) {
    this.#check();
    if (this.reply !== null) {
      this.pending.push({ method, fields, reply });
      return;
    }
    this.#send({ method, fields, reply });
  }

  #send({ method, fields, reply }) {
    this.reply = reply;
    try {
      this.sendImmediately(method, fields);
    } catch (error) {
      // Nothing was sent, so nothing will answer: those behind must not wait for it.
      this.reply = null;
      throw error;
    }
  }

  // The next one that can be sent; what cannot hears why.
  #sendNext() {
    while (this.reply === null && this.pending.length > 0) {
      const next = this.pending.shift();
      try {
        this.#send(next);
      } catch (error) {
        next.reply(error);
      }
    }
  }

  publishMessage(exchange, routingKey, content, options) {
    if (!tracing.isPublishTraced()) return this.#publish(exchange, routingKey, content, options);
    return tracing.tracePublish(this, exchange, routingKey, content, options, (traced) =>
      this.#publish(exchange, routingKey, content, traced),
    );
  }

  /** On a confirm channel: `callback(error)` when the broker has answered, if anybody wants to know. */
  publishWithConfirm(exchange, routingKey, content, options, callback) {
    if (tracing.isPublishTraced()) {
      const publish = (traced, wrapped) => {
        const result = this.#publish(exchange, routingKey, content, traced);
        this.#confirms.push(wrapped);
        return result;
      };
      return tracing.traceConfirmedPublish(this, exchange, routingKey, content, options, callback, publish);
    }
    const result = this.#publish(exchange, routingKey, content, options);
    this.#confirms.push(callback);
    return result;
  }

  #publish(exchange, routingKey, content, options) {
    const publication = readPublication(options);
    this.#check();
    const { connection } = this;
    const properties = connection.sendMessage(
      this.ch,
      this.#last,
      exchange,
      routingKey,
      publication,
      content,
    );
    return this.#countMessage(properties, content.length);
  }

  #countMessage(propertyBytes, bodyBytes) {
    const head = METHOD_AND_HEADER_BYTES + propertyBytes;
    if (head + bodyBytes + FRAME_OVERHEAD < SINGLE_CHUNK_BYTES) return this.#countWrites(1);
    const bodyFrames = Math.ceil(bodyBytes / (this.connection.frameMax - FRAME_OVERHEAD));
    return this.#countWrites((head < SINGLE_CHUNK_BYTES ? 1 : 2) + bodyFrames);
  }

  sendAck(deliveryTag, multiple) {
    this.#check();
    if (isTag(deliveryTag)) {
      this.connection.sendAck(this.ch, deliveryTag, multiple);
      this.#countWrites(1);
    } else {
      this.sendImmediately(methods.BasicAck, { deliveryTag, multiple });
    }
  }

  sendNack(deliveryTag, multiple, requeue) {
    this.#check();
    if (isTag(deliveryTag)) {
      this.connection.sendNack(this.ch, deliveryTag, multiple, orTrue(requeue));
      this.#countWrites(1);
    } else {
      this.sendImmediately(methods.BasicNack, { deliveryTag, multiple, requeue });
    }
  }

  sendReject(deliveryTag, requeue) {
    this.#check();
    if (isTag(deliveryTag)) {
      this.connection.sendReject(this.ch, deliveryTag, orTrue(requeue));
      this.#countWrites(1);
    } else {
      this.sendImmediately(methods.BasicReject, { deliveryTag, requeue });
    }
  }

  /** Sends an operation; `callback(error, fields, message)`. `expected` are the methods that may answer. */
  callRpc(method, fields, expected, callback) {
    this.sendOrEnqueue(method, fields, (error, answer) => {
      if (error !== null) {
        callback(error instanceof Error ? error : operationError(method, error));
        return;
      }
      if (expected.includes(answer.method)) {
        callback(null, answer.fields, answer.message);
        return;
      }
      const { id } = answer.method;
      const [{ name }] = expected;
      const text = `Expected ${name}; got ${describeFrame({ id, channel: this.ch })}`;
      const unexpected = new Error(text);
      this.closeWithError(id, `Expected ${name}; got ${methodName(id)}`, UNEXPECTED_FRAME, unexpected);
      callback(unexpected);
    });
  }

  // --- in

  /** Any method that comes without content and is no confirm. */
  accept(method, fields) {
    if (this.#state === CLOSING) {
      this.#acceptWhileClosing(method);
      return;
    }
    switch (method) {
      case methods.BasicCancel:
        this.#acceptCancel(fields);
        break;
      case methods.ChannelClose:
        this.#acceptClose(fields);
        break;
      case methods.ChannelFlow:
        this.sendImmediately(methods.ChannelFlowOk, { active: fields.active });
        break;
      default:
        this.#answer({ method, fields, message: undefined });
    }
  }

  #answer(answer) {
    const { reply } = this;
    this.reply = null;
    // The next one goes before the answer is heard: what hears it may add to the queue.
    this.#sendNext();
    if (reply === null) {
      const frame = describeFrame({ id: answer.method.id, channel: this.ch });
      throw new Error(`Unexpected frame: ${frame}`);
    }
    reply(null, answer);
  }

  #acceptWhileClosing(method) {
    if (method === methods.ChannelCloseOk) {
      this.#onClosed?.();
      this.toClosed(stackCapture('ChannelCloseOk frame received'));
    } else if (method === methods.ChannelClose) {
      this.connection.sendMethod(this.ch, methods.ChannelCloseOk, {});
    }
  }

  #acceptClose(fields) {
    if (this.reply !== null) {
      const { reply } = this;
      this.reply = null;
      reply(fields);
    }
    const text = `Channel closed by server: ${closeMessage(fields)}`;
    this.sendImmediately(methods.ChannelCloseOk, {});
    const error = closeError(text, fields);
    safeEmit(this, 'error', error);
    this.toClosed(stackCapture(text), error);
  }

  acceptDelivery(message) {
    if (this.#state !== RUNNING) return;
    try {
      this.#dispatch(message.fields.consumerTag, message);
      if (this.listenerCount('delivery') > 0) this.emit('delivery', message);
    } catch (error) {
      this.#failInListener('delivery', error);
    }
  }

  acceptContent(method, message) {
    if (this.#state !== RUNNING) return;
    try {
      if (method === methods.BasicReturn) this.emit('return', message);
      else this.#answer({ method, fields: message.fields, message });
    } catch (error) {
      this.#failInListener(method === methods.BasicReturn ? 'return' : undefined, error);
    }
  }

  // What a consumer or a listener for messages throws closes the channel, unless 'handler-error' is heard.
  #failInListener(event, thrown) {
    let error = thrown;
    try {
      if (event === undefined) throw thrown;
      reportHandlerError(this, event, thrown);
      return;
    } catch (unheard) {
      error = unheard;
    }
    if (typeof error === 'string') {
      this.closeWithError(undefined, error, UNEXPECTED_FRAME, new Error(error));
    } else if (error instanceof Error) {
      this.closeWithError(undefined, 'Error while processing message', INTERNAL_ERROR, error);
    } else {
      const text = 'Internal error while processing message';
      this.closeWithError(undefined, text, INTERNAL_ERROR, new Error(error.toString()));
    }
  }

  #dispatch(consumerTag, message) {
    const consumer = this.consumers.get(consumerTag);
    if (consumer === undefined) throw new Error(`Unknown consumer: ${consumerTag}`);
    if (message !== null && tracing.isConsumeTraced()) tracing.traceConsume(this, consumer, message);
    else consumer(message);
  }

  #acceptCancel(fields) {
    try {
      this.#dispatch(fields.consumerTag, null);
      this.unregisterConsumer(fields.consumerTag);
      this.emit('cancel', fields);
    } catch (error) {
      reportHandlerError(this, 'cancel', error);
    }
  }

  acceptConfirm(isAck, fields) {
    if (this.#state !== RUNNING) return;
    const event = isAck ? 'ack' : 'nack';
    try {
      this.#confirms.confirm(fields, isAck ? acknowledge : refuse);
      if (this.listenerCount(event) > 0) this.emit(event, fields);
    } catch (error) {
      reportHandlerError(this, event, error);
    }
  }

  registerConsumer(consumerTag, callback) {
    this.consumers.set(consumerTag, callback);
  }

  unregisterConsumer(consumerTag) {
    this.consumers.delete(consumerTag);
  }

  waitForAllConfirms() {
    if (this.#closedWithUnconfirmed) return Promise.reject(new Error('channel closed'));
    return this.#confirms.wait();
  }

  // --- closing

  closeBecause(replyText, replyCode, onClosed) {
    this.sendImmediately(methods.ChannelClose, { replyText, replyCode, classId: 0, methodId: 0 });
    this.#state = CLOSING;
    this.#onClosed = onClosed;
    this.#illegal = ['Channel closing', stackCapture(`closeBecause called: ${replyText}`)];
  }

  /** Tells the server one reason and the user, once the channel is closed, another. */
  closeWithError(id, replyText, replyCode, error) {
    this.closeBecause(replyText, replyCode, () => {
      error.code = replyCode;
      if (id) {
        error.classId = id >>> 16;
        error.methodId = id & 0xffff;
      }
      this.endedBy = error;
      safeEmit(this, 'error', error);
    });
  }

  toClosed(stack, error) {
    this.endedBy ??= error;
    this.#rejectPending();
    this.#state = CLOSED;
    this.#illegal = ['Channel closed', stack];
    this.connection.releaseChannel(this.ch);
    try {
      this.#closedWithUnconfirmed = this.#confirms.fail(new Error('channel closed'));
      this.emit('close');
    } catch (error) {
      reportHandlerError(this, 'close', error);
    }
  }

  #rejectPending() {
    const ended = [this.reply, ...this.pending.map(({ reply }) => reply)].filter(Boolean);
    this.reply = null;
    this.pending = [];
    for (const reply of ended) reply(new Error('Channel ended, no reply will be forthcoming'));
  }
}

const isTag = (value) => Number.isSafeInteger(value) && value >= 0;

function acknowledge(callback) {
  if (callback) callback(null);
}

function refuse(callback) {
  if (callback) callback(new Error('message nacked'));
}

module.exports = { BaseChannel, REPLY_SUCCESS };
