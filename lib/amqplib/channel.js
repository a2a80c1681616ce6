'use strict';

// A channel's state: the operation that waits for its answer and those behind it, consumers, confirms, closing. The
// promise and the callback API are two faces of it.

const EventEmitter = require('node:events');
const { PassThrough } = require('node:stream');

const { orTrue } = require('./arguments');
const {
  kAcceptCancel,
  kAcceptConfirm,
  kAcceptContent,
  kAcceptDelivery,
  kAcceptStray,
  kCallRestoring,
  kCallRpc,
  kConfirms,
  kConnectionClosed,
  kCountWrites,
  kDrain,
  kDrainLater,
  kEndedBy,
  kHoldBack,
  kIsOpen,
  kOnLost,
  kPublishMessage,
  kPublishWithConfirm,
  kRecoverWith,
  kRecovery,
  kReopen,
  kResume,
  kSend,
  kSendAck,
  kSendNack,
  kSendReject,
  kSuspend,
  kTakePending,
  kWaitForAllConfirms,
} = require('./channel-keys');
const { STALE, notPublished } = require('./channel-recovery');
const { Confirms } = require('./confirms');
const { closeError, closeMessage, describeFrame, HEADER_ID, IllegalOperationError } = require('./errors');
const { operationError, stackCapture } = require('./errors');
const { methodById, methodName, methods } = require('./methods');
const { LastPublish, readPublication } = require('./orders');
const { reportHandlerError, runAll, safeEmit } = require('./safe-emit');
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
// What the next frame of a message has to be (src/amqp/client/batch.rs, STRAY).
const AWAITED_METHOD = 0;
const AWAITED_HEADER = 1;
const BODY_ID = 0;

const RUNNING = 0;
const CLOSING = 1;
const CLOSED = 2;

class BaseChannel extends EventEmitter {
  #state = RUNNING;
  #illegal = null;
  #onClosed = undefined;
  #isFailing = false;
  #underWay = null;
  #closedWithUnconfirmed = false;
  #last = new LastPublish();
  #highWaterMark;
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
  #confirms = new Confirms();
  /** Brings the channel back when its connection is lost (channel-recovery.js); null when nothing does. */
  #recovery = null;
  /** Called with the reason when the connection of a channel that comes back is lost. */
  #onLost = null;
  /** Why the channel closed, when nobody here wanted that. */
  #endedBy = undefined;

  get [kConfirms]() {
    return this.#confirms;
  }

  get [kRecovery]() {
    return this.#recovery;
  }

  get [kEndedBy]() {
    return this.#endedBy;
  }

  get [kOnLost]() {
    return this.#onLost;
  }

  set [kOnLost](listener) {
    this.#onLost = listener;
  }

  constructor(connection, options) {
    super();
    this.connection = connection;
    this.#highWaterMark = options?.highWaterMark || DEFAULT_HIGH_WATER_MARK;
    this.#firstFalse = 2 * this.#highWaterMark - 1;
  }

  allocate() {
    if (!Number.isInteger(this.#highWaterMark) || this.#highWaterMark < 0) {
      // It is a stream's in amqplib: Node has the words for what a stream refuses.
      new PassThrough({ objectMode: true, highWaterMark: this.#highWaterMark });
    }
    this.ch = this.connection.freshChannel(this);
    return this;
  }

  get [kIsOpen]() {
    return this.#state === RUNNING;
  }

  // --- out

  #check() {
    if (this.#illegal !== null) throw new IllegalOperationError(...this.#illegal);
  }

  [kCountWrites](count) {
    if (this.#writes === 0 && !this.#recovery?.isOffline) this.connection.drainLater(this);
    this.#writes += count;
    if (this.#writes < this.#firstFalse) return true;
    return this[kHoldBack]();
  }

  [kHoldBack]() {
    this.#needsDrain = true;
    return false;
  }

  /** The loop has turned and what was written is on its way. */
  [kDrain]() {
    if (this.#recovery?.isOffline) return;
    this.#writes = 0;
    if (!this.#needsDrain || this.#recovery?.mustHoldBack()) return;
    this.#needsDrain = false;
    safeEmit(this, 'drain');
  }

  sendImmediately(method, fields) {
    this.#check();
    this.connection.sendMethod(this.ch, method, fields);
    this[kCountWrites](1);
  }

  /** One operation at a time is under way on a channel; `reply(error, { method, fields, message })`. */
  sendOrEnqueue(method, fields, reply) {
    this.#check();
    const operation = { method, fields, reply };
    if (this.reply !== null || this.#recovery?.isOffline) {
      this.#recovery?.expect(operation, this.pending.length);
      this.pending.push(operation);
      return;
    }
    try {
      this.#send(operation);
    } catch (error) {
      // As in amqplib it waits all the same where the connection does not take anything any more, for the end.
      if (error instanceof IllegalOperationError && this.#recovery === null) this.reply = reply;
      throw error;
    }
  }

  #send(operation) {
    const { method, fields } = operation;
    this.reply = operation.reply;
    this.#underWay = operation;
    try {
      this.sendImmediately(method, this.#recovery === null ? fields : this.#recovery.current(method, fields));
    } catch (error) {
      // Nothing was sent, so nothing will answer: those behind must not wait for it.
      this.reply = null;
      throw error;
    }
  }

  // The next one that can be sent; what cannot hears why.
  #sendNext() {
    if (this.#recovery?.isOffline) return;
    while (this.reply === null && this.pending.length > 0) {
      const next = this.pending.shift();
      try {
        this.#send(next);
      } catch (error) {
        next.reply(error);
      }
    }
  }

  [kPublishMessage](exchange, routingKey, content, options) {
    if (!tracing.isPublishTraced()) return this.#publish(exchange, routingKey, content, options);
    return tracing.tracePublish(this, exchange, routingKey, content, options, (traced) =>
      this.#publish(exchange, routingKey, content, traced),
    );
  }

  /** On a confirm channel: `callback(error)` when the broker has answered, if anybody wants to know. */
  [kPublishWithConfirm](exchange, routingKey, content, options, callback) {
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
    if (this.#recovery === null) return this[kSend](exchange, routingKey, publication, content);
    return this.#recovery.publish(exchange, routingKey, publication, content);
  }

  [kSend](exchange, routingKey, publication, content) {
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
    if (head + bodyBytes + FRAME_OVERHEAD < SINGLE_CHUNK_BYTES) return this[kCountWrites](1);
    const bodyFrames = Math.ceil(bodyBytes / (this.connection.frameMax - FRAME_OVERHEAD));
    return this[kCountWrites]((head < SINGLE_CHUNK_BYTES ? 1 : 2) + bodyFrames);
  }

  [kSendAck](givenTag, multiple) {
    this.#check();
    const deliveryTag = this.#recovery === null ? givenTag : this.#recovery.tagOf(givenTag);
    // The broker has given it to somebody else already.
    if (deliveryTag === STALE) return;
    if (isTag(deliveryTag)) {
      this.connection.sendAck(this.ch, deliveryTag, multiple);
      this[kCountWrites](1);
    } else {
      this.sendImmediately(methods.BasicAck, { deliveryTag, multiple });
    }
  }

  [kSendNack](givenTag, multiple, requeue) {
    this.#check();
    const deliveryTag = this.#recovery === null ? givenTag : this.#recovery.tagOf(givenTag);
    // The broker has given it to somebody else already.
    if (deliveryTag === STALE) return;
    if (isTag(deliveryTag)) {
      this.connection.sendNack(this.ch, deliveryTag, multiple, orTrue(requeue));
      this[kCountWrites](1);
    } else {
      this.sendImmediately(methods.BasicNack, { deliveryTag, multiple, requeue });
    }
  }

  [kSendReject](givenTag, requeue) {
    this.#check();
    const deliveryTag = this.#recovery === null ? givenTag : this.#recovery.tagOf(givenTag);
    // The broker has given it to somebody else already.
    if (deliveryTag === STALE) return;
    if (isTag(deliveryTag)) {
      this.connection.sendReject(this.ch, deliveryTag, orTrue(requeue));
      this[kCountWrites](1);
    } else {
      this.sendImmediately(methods.BasicReject, { deliveryTag, requeue });
    }
  }

  /** Sends an operation; `callback(error, fields, message)`. `expected` are the methods that may answer. */
  [kCallRpc](method, fields, expected, callback) {
    const done =
      this.#recovery === null
        ? callback
        : (error, answer, message) => {
            if (error === null) this.#recovery.answered(method, fields, answer);
            callback(error, answer, message);
          };
    this.sendOrEnqueue(method, fields, this.#replyTo(method, expected, done));
  }

  #replyTo(method, expected, callback) {
    return (error, answer) => {
      if (error !== null) {
        callback(error instanceof Error ? error : operationError(method, error));
        return;
      }
      if (expected.includes(answer.method)) {
        callback(null, answer.fields, answer.message);
        return;
      }
      const { id } = answer.method;
      if (method === methods.BasicGet) {
        // As in amqplib, where this one does not cost the channel.
        const got = describeFrame({ id, channel: this.ch });
        callback(new Error(`Unexpected response to BasicGet: ${got}`));
        return;
      }
      const [{ name }] = expected;
      const text = `Expected ${name}; got ${describeFrame({ id, channel: this.ch })}`;
      const unexpected = new Error(text);
      this.closeWithError(id, `Expected ${name}; got ${methodName(id)}`, UNEXPECTED_FRAME, unexpected);
      callback(unexpected);
    };
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
        this[kAcceptCancel](fields);
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
    this.#recovery?.heard(answer);
    // The next one goes before the answer is heard: what hears it may add to the queue.
    this.#sendNext();
    if (reply === null) throw this.#unexpected(answer.method);
    reply(null, answer);
  }

  #unexpected({ id }) {
    return new Error(`Unexpected frame: ${describeFrame({ id, channel: this.ch })}`);
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
    const { reply } = this;
    this.reply = null;
    runAll(
      () => reply?.(fields),
      () => this.#closedByServer(fields),
    );
  }

  #closedByServer(fields) {
    const text = `Channel closed by server: ${closeMessage(fields)}`;
    this.sendImmediately(methods.ChannelCloseOk, {});
    const error = closeError(text, fields);
    if (this.#recovery?.isOffline) {
      // It did not come back, this time.
      this.#detach(error);
      return;
    }
    const stack = stackCapture(text);
    runAll(
      () => safeEmit(this, 'error', error),
      () => this.toClosed(stack, error),
    );
  }

  [kAcceptDelivery](message) {
    if (this.#state !== RUNNING) return;
    this.#recovery?.delivered(message.fields);
    try {
      this.#dispatch(message.fields.consumerTag, message);
      if (this.listenerCount('delivery') > 0) this.emit('delivery', message);
    } catch (error) {
      this.#failInListener('delivery', error, message);
    }
  }

  [kAcceptContent](method, message) {
    if (this.#state !== RUNNING) return;
    if (method !== methods.BasicReturn && this.reply === null) throw this.#unexpected(method);
    try {
      if (method === methods.BasicReturn) {
        this.emit('return', message);
      } else {
        this.#recovery?.delivered(message.fields);
        this.#answer({ method, fields: message.fields, message });
      }
    } catch (error) {
      this.#failInListener(method === methods.BasicReturn ? 'return' : undefined, error, message);
    }
  }

  /** A frame that does not continue the message that has begun, or continues none. */
  [kAcceptStray]({ id, awaited, size }) {
    if (this.#state !== RUNNING) return;
    let text = 'Expected content frame after headers';
    if (awaited === AWAITED_METHOD) {
      text = `Expected BasicDeliver or BasicReturn; got ${describeFrame({ id, channel: this.ch })}`;
    } else if (awaited === AWAITED_HEADER) {
      text = 'Expected headers frame after delivery';
    } else if (id === BODY_ID) {
      text = `Too much content sent! Expected ${size} bytes`;
    }
    this.closeWithError(id, text, UNEXPECTED_FRAME, new Error(text));
  }

  // What a consumer or a listener for messages throws closes the channel, unless 'handler-error' is heard.
  #failInListener(event, thrown, { content }) {
    const id = content.length === 0 ? HEADER_ID : undefined;
    let error = thrown;
    try {
      if (event === undefined) throw thrown;
      reportHandlerError(this, event, thrown);
      return;
    } catch (unheard) {
      error = unheard;
    }
    if (typeof error === 'string') {
      this.closeWithError(id, error, UNEXPECTED_FRAME, new Error(error));
    } else if (error instanceof Error) {
      this.closeWithError(id, 'Error while processing message', INTERNAL_ERROR, error);
    } else {
      const text = 'Internal error while processing message';
      this.closeWithError(id, text, INTERNAL_ERROR, new Error(error.toString()));
    }
  }

  #dispatch(consumerTag, message) {
    const consumer = this.consumers.get(consumerTag);
    if (!consumer) throw new Error(`Unknown consumer: ${consumerTag}`);
    if (message !== null && tracing.isConsumeTraced()) tracing.traceConsume(this, consumer, message);
    else consumer(message);
  }

  /** The broker has cancelled a consumer, or a loss of the connection kept it from saying so. */
  [kAcceptCancel](fields) {
    try {
      this.#dispatch(fields.consumerTag, null);
      this.unregisterConsumer(fields.consumerTag);
      this.emit('cancel', fields);
    } catch (error) {
      reportHandlerError(this, 'cancel', error);
    }
  }

  [kAcceptConfirm](isAck, fields) {
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
    this.#recovery?.forgetConsumer(consumerTag);
  }

  /** amqplib's window of publishes that wait for a confirm, as it is now: their callbacks, false without, null when confirmed. */
  get unconfirmed() {
    return this.#confirms.window();
  }

  [kWaitForAllConfirms]() {
    if (this.#closedWithUnconfirmed) return Promise.reject(this.#closedError());
    return this.#confirms.wait();
  }

  // --- closing

  closeBecause(replyText, replyCode, onClosed) {
    this.#check();
    const stack = stackCapture(`closeBecause called: ${replyText}`);
    const isLost = this.#recovery?.isLost;
    if (!isLost)
      this.sendImmediately(methods.ChannelClose, { replyText, replyCode, classId: 0, methodId: 0 });
    else process.nextTick(() => this.#acceptWhileClosing(methods.ChannelCloseOk));
    this.#state = CLOSING;
    this.#onClosed = onClosed;
    this.#illegal = ['Channel closing', stack];
  }

  /** Tells the server one reason and the user, once the channel is closed, another. */
  closeWithError(id, replyText, replyCode, error) {
    this.#isFailing = true;
    this.closeBecause(replyText, replyCode, () => {
      error.code = replyCode;
      if (id) {
        const method = methodById(id);
        error.classId = method?.classId;
        error.methodId = method?.methodId;
      }
      this.#endedBy = error;
      safeEmit(this, 'error', error);
    });
  }

  /** `reason` is why a channel does not come back that should have. */
  toClosed(stack, error, reason) {
    if (this.#state === CLOSED) return;
    this.#endedBy ??= error;
    runAll(
      () => this.#rejectPending(reason),
      () => this.#finish(stack, reason),
    );
  }

  #finish(stack, reason) {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.#illegal = ['Channel closed', stack];
    this.connection.releaseChannel(this.ch);
    try {
      const closed = this.#closedError();
      const errorOf = (message) => (message && reason ? notPublished(message, reason) : closed);
      this.#closedWithUnconfirmed = this.#confirms.size > 0;
      runAll(
        () => (this.#closedWithUnconfirmed = this.#confirms.fail(errorOf)),
        () => this.#recovery?.closed(),
        () => this.emit('close'),
      );
    } catch (error) {
      reportHandlerError(this, 'close', error);
    }
  }

  // amqplib's, and why it closed.
  #closedError() {
    return new Error('channel closed', this.#endedBy && { cause: this.#endedBy });
  }

  #rejectPending(reason) {
    const ended = [this.reply, ...this.pending.map(({ reply }) => reply)].filter(Boolean);
    this.reply = null;
    this.pending = [];
    const error = () => reason ?? new Error('Channel ended, no reply will be forthcoming');
    runAll(...ended.map((reply) => () => reply(error())));
  }

  // --- coming back

  /** From now on `recovery` brings it back; `release(message)` hears of publishes that need not be kept any more. */
  [kRecoverWith](recovery, release) {
    this.#recovery = recovery;
    this.#confirms.keepMessages(release);
  }

  /** Its connection is gone, and with that the channel, unless it is to come back. */
  [kConnectionClosed](stack, error) {
    if (this.#recovery?.survives && this.#state === RUNNING) {
      this.#detach(error);
      return;
    }
    const onClosed = this.#state === CLOSING ? this.#onClosed : undefined;
    this.toClosed(stack, error);
    // Whoever closes a channel that is lost meanwhile has what he wanted.
    if (!this.#isFailing) onClosed?.();
  }

  /** It came back, but all that it needs did not. */
  [kSuspend](error) {
    if (this.#state === RUNNING && !this.#recovery.isLost) this.#detach(error);
  }

  // What was under way is asked again, before what waits behind it.
  #detach(error) {
    const { reply } = this;
    this.reply = null;
    if (reply !== null && !this.#underWay.isRestoring) this.pending.unshift(this.#underWay);
    this.connection.releaseChannel(this.ch);
    this.ch = undefined;
    this.#recovery.lost(error);
    if (reply !== null && this.#underWay.isRestoring) reply(error);
  }

  [kReopen](connection) {
    this.connection = connection;
    this.#last = new LastPublish();
    this.allocate();
  }

  /** An operation that goes before those of the user. */
  [kCallRestoring](method, fields, expected, callback) {
    this.#send({ method, fields, reply: this.#replyTo(method, expected, callback), isRestoring: true });
  }

  [kResume]() {
    this.connection.drainLater(this);
    this.#sendNext();
  }

  /** Gives up the operations that have not been sent and that `isMeant` picks, and returns them. */
  [kTakePending](isMeant) {
    const taken = this.pending.filter(isMeant);
    this.pending = this.pending.filter((operation) => !taken.includes(operation));
    return taken;
  }

  [kDrainLater]() {
    this.connection.drainLater(this);
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
