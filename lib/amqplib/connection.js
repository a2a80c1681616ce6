'use strict';

// A connection: which channel a record is for, closing, events. What is sent goes to the engine as orders, what arrives
// comes as records.

const EventEmitter = require('node:events');
const { setImmediate } = require('node:timers');

const native = require('../native');
const {
  kAcceptConfirm,
  kAcceptContent,
  kAcceptDelivery,
  kAcceptStray,
  kConnectionClosed,
  kDrain,
  kEndedBy,
  kModel,
} = require('./channel-keys');
const { ChannelNumbers } = require('./channel-numbers');
const {
  closeMessage,
  describeFrame,
  failureError,
  IllegalOperationError,
  stackCapture,
} = require('./errors');
const { methodById, methods, readMethod } = require('./methods');
const { Orders } = require('./orders');
const { RecordReader } = require('./records');
const { runAll, safeEmit } = require('./safe-emit');
const { ConnectionStream } = require('./stream');
const { contextAddress } = require('./tls-options');
const { TlsPeer } = require('./tls-peer');
const { TlsConnectionStream } = require('./tls-stream');

const REPLY_SUCCESS = 200;
const CONNECTION_FORCED = 320;
const CHANNEL_ERROR = 504;
const UNEXPECTED_FRAME = 505;

const RUNNING = 0;
const CLOSING = 1;
const CLOSED = 2;

class Connection extends EventEmitter {
  #handle;
  #orders;
  #reader;
  #onOpened;
  #options;
  #peer = null;
  #addresses = '';
  #stream = null;
  #state = RUNNING;
  #illegal = null;
  #onClosed = undefined;
  #isFlushScheduled = false;
  #isTurnScheduled = false;
  #isWritable = true;
  #writing = [];
  // A wake-up that came while the batch was unfinished was passed over: look again.
  #resume = () => {
    this.#read();
    this.#wake();
  };

  channels = new Map();
  #numbers = new ChannelNumbers();
  blocked = false;
  /** Why it has closed; null while it has not. */
  #endedBy = null;
  serverProperties = undefined;
  frameMax = undefined;
  channelMax = undefined;
  heartbeat = undefined;
  /** The model in front of this connection: its 'handler-error' listeners count. */
  #model = undefined;

  get [kEndedBy]() {
    return this.#endedBy;
  }

  get [kModel]() {
    return this.#model;
  }

  set [kModel](model) {
    this.#model = model;
  }

  /** Starts to connect; `onOpened(error)` is called once. */
  constructor(options, onOpened) {
    super();
    this.#onOpened = onOpened;
    this.#options = options;
    this.#handle = new native.AmqpConnectionHandle(
      options,
      this,
      this.#wake,
      options.secureContext && contextAddress(options.secureContext),
    );
    this.#orders = new Orders((bytes, length, body) => this.#submit(bytes, length, body));
    this.#reader = new RecordReader(this, () => this.#handle.takeBody());
  }

  // Called on this connection by the engine.
  #wake() {
    if (!this.#reader.isDone) return;
    const batch = this.#handle.take();
    if (batch === null) return;
    this.#reader.begin(batch);
    this.#read();
  }

  #read() {
    for (;;) {
      try {
        this.#reader.run();
        return;
      } catch (error) {
        // What a listener throws at us ends the connection, as a broken frame would; unless nobody hears of that
        // either: then it is the process's, and the rest of the batch waits for what it does about it.
        try {
          if (this.#state === CLOSED) throw error;
          this.#fail(error);
        } catch (unheard) {
          if (!this.#reader.isDone) setImmediate(this.#resume);
          throw unheard;
        }
      }
    }
  }

  // --- out

  #submit(bytes, length, body) {
    if (!this.#handle.submit(bytes, length, body)) this.#isWritable = false;
  }

  #schedule() {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    process.nextTick(() => {
      this.#isFlushScheduled = false;
      this.#orders.flush();
    });
  }

  #check() {
    if (this.#illegal !== null) throw new IllegalOperationError(...this.#illegal);
  }

  sendMethod(channel, method, fields) {
    this.#check();
    this.#orders.method(channel, method, fields);
    this.#schedule();
  }

  sendMessage(channel, last, exchange, routingKey, publication, content) {
    this.#check();
    if (!Buffer.isBuffer(content)) throw new TypeError('content is not a buffer');
    const propertyBytes = this.#orders.publish(channel, last, exchange, routingKey, publication, content);
    this.#schedule();
    return propertyBytes;
  }

  sendAck(channel, deliveryTag, multiple) {
    this.#check();
    this.#orders.ack(channel, deliveryTag, multiple);
    this.#schedule();
  }

  sendNack(channel, deliveryTag, multiple, requeue) {
    this.#check();
    this.#orders.nack(channel, deliveryTag, multiple, requeue);
    this.#schedule();
  }

  sendReject(channel, deliveryTag, requeue) {
    this.#check();
    this.#orders.reject(channel, deliveryTag, requeue);
    this.#schedule();
  }

  /** The channel's count of writes falls when the loop turns and the engine takes more. */
  drainLater(channel) {
    this.#writing.push(channel);
    if (this.#isTurnScheduled) return;
    this.#isTurnScheduled = true;
    setImmediate(() => {
      this.#isTurnScheduled = false;
      if (this.#isWritable) this.#drain();
    });
  }

  #drain() {
    for (const channel of this.#writing.splice(0)) channel[kDrain]();
  }

  // --- records

  // The engine sends nothing over TLS before this says that the server is the right one.
  onPeer(record) {
    const peer = new TlsPeer(record, this.#options.tls.servername);
    const { error, authorizationError } = this.#options.judge(peer);
    if (error) {
      this.destroy(error);
      return;
    }
    peer.authorizationError = authorizationError;
    this.#peer = peer;
    this.#handle.approve();
  }

  onOpen({ frameMax, channelMax, heartbeat, start, addresses }) {
    this.#addresses = addresses;
    // Keys and passwords are not kept for as long as the connection lives.
    this.#options = null;
    this.serverProperties = readMethod(methods.ConnectionStart, start, 0).serverProperties;
    this.frameMax = frameMax || 0xffffffff;
    this.#orders.frameMax = this.frameMax - 8;
    this.channelMax = channelMax;
    this.heartbeat = heartbeat;
    const opened = this.#onOpened;
    this.#onOpened = null;
    opened(null);
  }

  onEnd(failure) {
    // A turn later: who awaits what came in the same batch (the opening itself, perhaps) gets to listen first, as with a
    // socket, whose end is an event of its own.
    setImmediate(() => {
      const error = failureError(failure, this.#options);
      try {
        this.#end(error);
      } finally {
        this.#handle.close();
        this.#stream?.gone(error.syscall === undefined ? undefined : error);
      }
    });
  }

  #end(error) {
    if (this.#onOpened !== null) {
      const opened = this.#onOpened;
      this.#onOpened = null;
      opened(error);
      return;
    }
    if (this.#state !== CLOSED) this.#fail(error);
  }

  onWritable() {
    this.#isWritable = true;
    this.#drain();
  }

  onDeliver(number, message) {
    const channel = this.#channelOf(number, methods.BasicDeliver.id);
    if (channel !== undefined) channel[kAcceptDelivery](message);
  }

  onConfirm(number, isAck, fields) {
    const { id } = isAck ? methods.BasicAck : methods.BasicNack;
    const channel = this.#channelOf(number, id);
    if (channel !== undefined) channel[kAcceptConfirm](isAck, fields);
  }

  onMethod(number, bytes) {
    const id = bytes.readUInt32BE(0);
    const method = methodById(id);
    const fields = readMethod(method, bytes, 4);
    if (number === 0) {
      this.#accept(method, fields);
      return;
    }
    const channel = this.#channelOf(number, id);
    if (channel !== undefined) channel.accept(method, fields);
  }

  onContent(number, bytes, properties, content) {
    const id = bytes.readUInt32BE(0);
    const channel = this.#channelOf(number, id);
    if (channel === undefined) return;
    const method = methodById(id);
    channel[kAcceptContent](method, { fields: readMethod(method, bytes, 4), properties, content });
  }

  onStray(number, stray) {
    this.#channelOf(number, stray.id)?.[kAcceptStray](stray);
  }

  #channelOf(number, id) {
    // Once a close is on its way nothing but its answer counts.
    if (this.#state !== RUNNING) return undefined;
    if (number === 0) {
      this.#failOnChannel0(id);
      return undefined;
    }
    const channel = this.channels.get(number);
    if (channel === undefined) {
      const frame = describeFrame({ id, channel: number });
      this.closeWithError(
        `Frame on unknown channel ${number}`,
        CHANNEL_ERROR,
        new Error(`Frame on unknown channel: ${frame}`),
      );
    }
    return channel;
  }

  #accept(method, fields) {
    if (this.#state === CLOSED) return;
    if (this.#state === CLOSING) {
      if (method === methods.ConnectionCloseOk) {
        const onClosed = this.#onClosed;
        this.#onClosed = undefined;
        onClosed?.();
        this.#toClosed(stackCapture('ConnectionCloseOk received'));
      } else if (method === methods.ConnectionClose) {
        this.#orders.method(0, methods.ConnectionCloseOk, {});
        this.#schedule();
      }
      return;
    }
    switch (method) {
      case methods.ConnectionClose:
        this.#acceptClose(fields);
        break;
      case methods.ConnectionBlocked:
        this.blocked = true;
        safeEmit(this, 'blocked', fields.reason);
        break;
      case methods.ConnectionUnblocked:
        this.blocked = false;
        safeEmit(this, 'unblocked');
        break;
      case methods.ConnectionUpdateSecretOk:
        safeEmit(this, 'update-secret-ok');
        break;
      default:
        this.#failOnChannel0(method.id);
    }
  }

  #failOnChannel0(id) {
    const text = 'Unexpected frame on channel 0';
    const error = new Error(`${text}: ${describeFrame({ id, channel: 0 })}`);
    this.closeWithError(text, UNEXPECTED_FRAME, error);
  }

  #acceptClose(fields) {
    this.sendMethod(0, methods.ConnectionCloseOk, {});
    const text = `Connection closed: ${closeMessage(fields)}`;
    const stack = stackCapture(text);
    const error = new Error(text);
    error.code = fields.replyCode;
    runAll(
      () => {
        if (isFatalError(error)) safeEmit(this, 'error', error);
      },
      () => this.#toClosed(stack, error),
    );
  }

  // --- closing

  close(callback) {
    if (this.#state === CLOSED) {
      callback?.(new IllegalOperationError(...this.#illegal));
      return;
    }
    this.closeBecause('Cheers, thanks', REPLY_SUCCESS, callback && (() => callback(null)));
  }

  closeBecause(replyText, replyCode, onClosed) {
    this.sendMethod(0, methods.ConnectionClose, { replyText, replyCode, classId: 0, methodId: 0 });
    const stack = stackCapture(`closeBecause called: ${replyText}`);
    if (this.blocked) {
      // A broker that is short of memory does not read, so it would not answer.
      onClosed?.();
      this.#toClosed(stackCapture('Connection blocked: closing immediately'));
      return;
    }
    this.#state = CLOSING;
    this.#onClosed = onClosed;
    this.#illegal = ['Connection closing', stack];
  }

  closeWithError(replyText, replyCode, error) {
    runAll(
      () => safeEmit(this, 'error', error),
      () => {
        // A listener may have closed it.
        if (this.#state === RUNNING) this.closeBecause(replyText, replyCode);
      },
    );
  }

  /** Hangs up without a word to the broker: with an error, or quietly. */
  destroy(error) {
    if (this.#onOpened !== null) {
      this.#handle.close();
      // Its end may have been read already.
      this.#state = CLOSED;
      const opened = this.#onOpened;
      this.#onOpened = null;
      opened(error);
      return;
    }
    try {
      if (this.#state === CLOSED) return;
      if (error) this.#fail(error);
      else this.#toClosed(stackCapture('Socket destroyed'), new Error('Unexpected close'));
    } finally {
      // What was to leave before the end does so no more.
      this.#handle.close();
      this.#stream?.gone(error);
    }
  }

  /** What amqplib's users know as the socket. */
  get stream() {
    this.#stream ??= this.#makeStream();
    return this.#stream;
  }

  #makeStream() {
    const actions = {
      destroy: (error) => this.destroy(error),
      end: () => {
        this.#orders.flush();
        this.#handle.end();
      },
      isClosed: this.#state === CLOSED,
    };
    const given = [this.#addresses, this.#handle, actions];
    return this.#peer === null
      ? new ConnectionStream(...given)
      : new TlsConnectionStream(...given, this.#peer);
  }

  #fail(error) {
    if (this.#state === CLOSED || this.isFailing) return;
    this.isFailing = true;
    const stack = stackCapture('Socket error');
    runAll(
      () => safeEmit(this, 'error', error),
      () => this.#toClosed(stack, error),
    );
  }

  #toClosed(stack, error) {
    // Channels may be made in listeners: those of now are the ones to close.
    const closings = [...this.channels.values()].map(
      (channel) => () => channel[kConnectionClosed](stack, error),
    );
    runAll(...closings, () => this.#finish(stack, error));
  }

  #finish(stack, error) {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.#illegal = [`Connection closed (${error ? error.toString() : 'by client'})`, stack];
    this.#endedBy = error ?? new Error('Connection closed');
    this.#orders.flush();
    this.#handle.end();
    this.#stream?.ended();
    // Whoever closes a connection that is lost meanwhile has what he wanted.
    const onClosed = this.#onClosed;
    this.#onClosed = undefined;
    runAll(
      () => onClosed?.(),
      () => safeEmit(this, 'close', error),
    );
  }

  updateSecret(newSecret, reason, callback) {
    this.sendMethod(0, methods.ConnectionUpdateSecret, { newSecret, reason });
    this.once('update-secret-ok', callback);
  }

  // --- channels

  freshChannel(channel) {
    const number = this.#numbers.take(this.channelMax);
    if (number === 0) throw new Error('No channels left to allocate');
    this.channels.set(number, channel);
    return number;
  }

  releaseChannel(number) {
    this.#numbers.free(number);
    this.channels.delete(number);
  }
}

// An operator's or a timer's orderly end is no error.
function isFatalError({ code }) {
  return code !== CONNECTION_FORCED && code !== REPLY_SUCCESS;
}

module.exports = { Connection, isFatalError };
