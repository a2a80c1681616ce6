'use strict';

// The promise API: the connection as users see it, and its channels.

const EventEmitter = require('node:events');

const args = require('./arguments');
const { asyncDisposable } = require('./async-dispose');
const { BaseChannel, REPLY_SUCCESS } = require('./channel');
const {
  consumeUntilAborted,
  getUnlessAborted,
  hasOwnOptions,
  ownSignalOf,
  signalOf,
  unlessAborted,
} = require('./cancellation');
const {
  kCallRpc,
  kModel,
  kPublishMessage,
  kPublishWithConfirm,
  kSendAck,
  kSendNack,
  kSendReject,
  kWaitForAllConfirms,
} = require('./channel-keys');
const { messages } = require('./message-iterator');
const { methods } = require('./methods');
const { Requester } = require('./requester');
const { respond } = require('./responder');

const FORWARDED = ['error', 'close', 'blocked', 'unblocked', 'update-secret-ok'];

class ChannelModel extends EventEmitter {
  constructor(connection) {
    super();
    this.connection = connection;
    connection[kModel] = this;
    for (const event of FORWARDED) connection.on(event, (...values) => this.emit(event, ...values));
  }

  // Not async: who closes hears of it before those hear whose operations that ends.
  close() {
    return new Promise((resolve, reject) => {
      this.connection.close((error) => (error ? reject(error) : resolve()));
    });
  }

  updateSecret(newSecret, reason) {
    return new Promise((resolve) => this.connection.updateSecret(newSecret, reason, () => resolve()));
  }

  async createChannel(options) {
    const channel = new Channel(this.connection, options);
    await channel.open();
    return channel;
  }

  async createConfirmChannel(options) {
    const channel = new ConfirmChannel(this.connection, options);
    await channel.open();
    await channel.rpc(methods.ConfirmSelect, { nowait: false }, methods.ConfirmSelectOk);
    return channel;
  }
}

class Channel extends BaseChannel {
  #requester = null;

  /** The fields of the answer. */
  async rpc(method, fields, expected) {
    // Awaited, not handed on: settles as many turns of the microtask queue later as amqplib's.
    return await new Promise((resolve, reject) => {
      this[kCallRpc](method, fields, [expected], (error, answer) =>
        error ? reject(error) : resolve(answer),
      );
    });
  }

  async open() {
    // Asked for a turn of the microtask queue later, as in amqplib: what closes the connection meanwhile comes first.
    await this.allocate();
    return this.rpc(methods.ChannelOpen, { outOfBand: '' }, methods.ChannelOpenOk);
  }

  close() {
    return new Promise((resolve) => this.closeBecause('Goodbye', REPLY_SUCCESS, () => resolve()));
  }

  assertQueue(queue, options) {
    return this.rpc(methods.QueueDeclare, args.assertQueue(queue, options), methods.QueueDeclareOk);
  }

  checkQueue(queue) {
    return this.rpc(methods.QueueDeclare, args.checkQueue(queue), methods.QueueDeclareOk);
  }

  deleteQueue(queue, options) {
    return this.rpc(methods.QueueDelete, args.deleteQueue(queue, options), methods.QueueDeleteOk);
  }

  purgeQueue(queue) {
    return this.rpc(methods.QueuePurge, args.purgeQueue(queue), methods.QueuePurgeOk);
  }

  bindQueue(queue, source, pattern, argt) {
    return this.rpc(methods.QueueBind, args.bindQueue(queue, source, pattern, argt), methods.QueueBindOk);
  }

  unbindQueue(queue, source, pattern, argt) {
    return this.rpc(methods.QueueUnbind, args.bindQueue(queue, source, pattern, argt), methods.QueueUnbindOk);
  }

  async assertExchange(exchange, type, options) {
    const fields = args.assertExchange(exchange, type, options);
    await this.rpc(methods.ExchangeDeclare, fields, methods.ExchangeDeclareOk);
    return { exchange };
  }

  checkExchange(exchange) {
    return this.rpc(methods.ExchangeDeclare, args.checkExchange(exchange), methods.ExchangeDeclareOk);
  }

  deleteExchange(exchange, options) {
    const fields = args.deleteExchange(exchange, options);
    return this.rpc(methods.ExchangeDelete, fields, methods.ExchangeDeleteOk);
  }

  bindExchange(destination, source, pattern, argt) {
    const fields = args.bindExchange(destination, source, pattern, argt);
    return this.rpc(methods.ExchangeBind, fields, methods.ExchangeBindOk);
  }

  unbindExchange(destination, source, pattern, argt) {
    const fields = args.bindExchange(destination, source, pattern, argt);
    return this.rpc(methods.ExchangeUnbind, fields, methods.ExchangeUnbindOk);
  }

  publish(exchange, routingKey, content, options) {
    return this[kPublishMessage](exchange, routingKey, content, options);
  }

  sendToQueue(queue, content, options) {
    return this.publish('', queue, content, options);
  }

  consume(queue, callback, options) {
    if (hasOwnOptions(options)) return consumeUntilAborted(this, queue, callback, options);
    const fields = args.consume(queue, options);
    return new Promise((resolve, reject) => {
      this[kCallRpc](methods.BasicConsume, fields, [methods.BasicConsumeOk], (error, answer) => {
        if (error) {
          reject(error);
          return;
        }
        // At once, before the first delivery can be looked at.
        this.registerConsumer(answer.consumerTag, callback);
        resolve(answer);
      });
    });
  }

  async cancel(consumerTag) {
    const answer = await this.rpc(methods.BasicCancel, args.cancel(consumerTag), methods.BasicCancelOk);
    this.unregisterConsumer(consumerTag);
    return answer;
  }

  get(queue, options) {
    if (hasOwnOptions(options)) return getUnlessAborted(this, queue, options);
    const fields = args.get(queue, options);
    const expected = [methods.BasicGetOk, methods.BasicGetEmpty];
    return new Promise((resolve, reject) => {
      this[kCallRpc](methods.BasicGet, fields, expected, (error, _, message) => {
        if (error) reject(error);
        else resolve(message ?? false);
      });
    });
  }

  ack(message, allUpTo) {
    this[kSendAck](message.fields.deliveryTag, !!allUpTo);
  }

  ackAll() {
    this[kSendAck](0, true);
  }

  nack(message, allUpTo, requeue) {
    this[kSendNack](message.fields.deliveryTag, !!allUpTo, requeue);
  }

  nackAll(requeue) {
    this[kSendNack](0, true, requeue);
  }

  reject(message, requeue) {
    this[kSendReject](message.fields.deliveryTag, requeue);
  }

  /** Not in amqplib: `for await (const message of channel.messages(queue, { prefetch }))`. */
  messages(queue, options) {
    return messages(this, queue, options);
  }

  /** Not in amqplib: publishes a request and resolves with its reply. */
  request(exchange, routingKey, content, options) {
    this.#requester ??= new Requester(this);
    return this.#requester.request(exchange, routingKey, content, options);
  }

  /** Not in amqplib: answers the requests of a queue with what `handler(message)` gives. */
  respond(queue, handler, options) {
    return respond(this, queue, handler, options);
  }

  recover() {
    return this.rpc(methods.BasicRecover, args.recover(), methods.BasicRecoverOk);
  }

  qos(count, global) {
    return this.rpc(methods.BasicQos, args.prefetch(count, global), methods.BasicQosOk);
  }
}

Channel.prototype.prefetch = Channel.prototype.qos;

class ConfirmChannel extends Channel {
  publish(exchange, routingKey, content, options, callback) {
    return this[kPublishWithConfirm](exchange, routingKey, content, options, callback);
  }

  sendToQueue(queue, content, options, callback) {
    return this.publish('', queue, content, options, callback);
  }

  /** Not in amqplib: resolves when the broker has the message, rejects when it refuses it or the channel closes. */
  publishConfirmed(exchange, routingKey, content, options) {
    const publish = () =>
      new Promise((resolve, reject) => {
        this.publish(exchange, routingKey, content, options, (error) => (error ? reject(error) : resolve()));
      });
    return options?.signal === undefined ? publish() : unlessAborted(() => signalOf(options), publish);
  }

  waitForConfirms(options) {
    const wait = () => this[kWaitForAllConfirms]();
    return hasOwnOptions(options) ? unlessAborted(() => ownSignalOf(options), wait) : wait();
  }
}

asyncDisposable(ChannelModel);
asyncDisposable(Channel);

module.exports = { Channel, ChannelModel, ConfirmChannel };
