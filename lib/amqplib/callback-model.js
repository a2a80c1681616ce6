'use strict';

// The callback API: the connection as users see it, and its channels.

const EventEmitter = require('node:events');

const args = require('./arguments');
const { BaseChannel, REPLY_SUCCESS } = require('./channel');
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
const { methods } = require('./methods');

const FORWARDED = ['error', 'close', 'blocked', 'unblocked', 'update-secret-ok'];

class CallbackModel extends EventEmitter {
  constructor(connection) {
    super();
    this.connection = connection;
    connection[kModel] = this;
    for (const event of FORWARDED) connection.on(event, (...values) => this.emit(event, ...values));
  }

  close(callback) {
    this.connection.close(callback);
  }

  updateSecret(newSecret, reason, callback) {
    this.connection.updateSecret(newSecret, reason, callback);
  }

  createChannel(options, callback) {
    const [given, done] = splitOptions(options, callback);
    const channel = new Channel(this.connection, given);
    channel.open((error) => (error ? done(error) : done(null, channel)));
    return channel;
  }

  createConfirmChannel(options, callback) {
    const [given, done] = splitOptions(options, callback);
    const channel = new ConfirmChannel(this.connection, given);
    channel.open((error) => {
      if (error) {
        done(error);
        return;
      }
      channel.rpc(methods.ConfirmSelect, { nowait: false }, methods.ConfirmSelectOk, (refusal) =>
        refusal ? done(refusal) : done(null, channel),
      );
    });
    return channel;
  }
}

function splitOptions(options, callback) {
  return callback === undefined ? [undefined, options || ignore] : [options, callback || ignore];
}

function ignore() {}

// (error) or (null, value), never both; a callback that is missing or falsy is one that ignores.
function settle(callback) {
  if (!callback) return ignore;
  return (error, value) => (error ? callback(error) : callback(null, value));
}

class Channel extends BaseChannel {
  rpc(method, fields, expected, callback) {
    this[kCallRpc](method, fields, [expected], settle(callback));
    return this;
  }

  open(callback) {
    try {
      this.allocate();
    } catch (error) {
      return callback(error);
    }
    return this.rpc(methods.ChannelOpen, { outOfBand: '' }, methods.ChannelOpenOk, callback);
  }

  close(callback) {
    return this.closeBecause('Goodbye', REPLY_SUCCESS, () => callback?.(null));
  }

  assertQueue(queue, options, callback) {
    const fields = args.assertQueue(queue, options);
    return this.rpc(methods.QueueDeclare, fields, methods.QueueDeclareOk, callback);
  }

  checkQueue(queue, callback) {
    return this.rpc(methods.QueueDeclare, args.checkQueue(queue), methods.QueueDeclareOk, callback);
  }

  deleteQueue(queue, options, callback) {
    return this.rpc(methods.QueueDelete, args.deleteQueue(queue, options), methods.QueueDeleteOk, callback);
  }

  purgeQueue(queue, callback) {
    return this.rpc(methods.QueuePurge, args.purgeQueue(queue), methods.QueuePurgeOk, callback);
  }

  bindQueue(queue, source, pattern, argt, callback) {
    const fields = args.bindQueue(queue, source, pattern, argt);
    return this.rpc(methods.QueueBind, fields, methods.QueueBindOk, callback);
  }

  unbindQueue(queue, source, pattern, argt, callback) {
    const fields = args.bindQueue(queue, source, pattern, argt);
    return this.rpc(methods.QueueUnbind, fields, methods.QueueUnbindOk, callback);
  }

  assertExchange(exchange, type, options, callback) {
    const done = settle(callback);
    const fields = args.assertExchange(exchange, type, options);
    return this.rpc(methods.ExchangeDeclare, fields, methods.ExchangeDeclareOk, (error) =>
      done(error, { exchange }),
    );
  }

  checkExchange(exchange, callback) {
    const fields = args.checkExchange(exchange);
    return this.rpc(methods.ExchangeDeclare, fields, methods.ExchangeDeclareOk, callback);
  }

  deleteExchange(exchange, options, callback) {
    const fields = args.deleteExchange(exchange, options);
    return this.rpc(methods.ExchangeDelete, fields, methods.ExchangeDeleteOk, callback);
  }

  bindExchange(destination, source, pattern, argt, callback) {
    const fields = args.bindExchange(destination, source, pattern, argt);
    return this.rpc(methods.ExchangeBind, fields, methods.ExchangeBindOk, callback);
  }

  unbindExchange(destination, source, pattern, argt, callback) {
    const fields = args.bindExchange(destination, source, pattern, argt);
    return this.rpc(methods.ExchangeUnbind, fields, methods.ExchangeUnbindOk, callback);
  }

  publish(exchange, routingKey, content, options) {
    return this[kPublishMessage](exchange, routingKey, content, options);
  }

  sendToQueue(queue, content, options) {
    return this.publish('', queue, content, options);
  }

  consume(queue, onMessage, options, callback) {
    const done = settle(callback);
    const fields = args.consume(queue, options);
    this[kCallRpc](methods.BasicConsume, fields, [methods.BasicConsumeOk], (error, answer) => {
      if (error === null) this.registerConsumer(answer.consumerTag, onMessage);
      done(error, answer);
    });
    return this;
  }

  cancel(consumerTag, callback) {
    const done = settle(callback);
    this[kCallRpc](
      methods.BasicCancel,
      args.cancel(consumerTag),
      [methods.BasicCancelOk],
      (error, answer) => {
        if (error === null) this.unregisterConsumer(consumerTag);
        done(error, answer);
      },
    );
    return this;
  }

  get(queue, options, callback) {
    const done = settle(callback);
    const expected = [methods.BasicGetOk, methods.BasicGetEmpty];
    this[kCallRpc](methods.BasicGet, args.get(queue, options), expected, (error, _, message) =>
      done(error, message ?? false),
    );
    return this;
  }

  ack(message, allUpTo) {
    this[kSendAck](message.fields.deliveryTag, !!allUpTo);
    return this;
  }

  ackAll() {
    this[kSendAck](0, true);
    return this;
  }

  nack(message, allUpTo, requeue) {
    this[kSendNack](message.fields.deliveryTag, !!allUpTo, requeue);
    return this;
  }

  nackAll(requeue) {
    this[kSendNack](0, true, requeue);
    return this;
  }

  reject(message, requeue) {
    this[kSendReject](message.fields.deliveryTag, requeue);
    return this;
  }

  prefetch(count, global, callback) {
    return this.rpc(methods.BasicQos, args.prefetch(count, global), methods.BasicQosOk, callback);
  }

  recover(callback) {
    return this.rpc(methods.BasicRecover, args.recover(), methods.BasicRecoverOk, callback);
  }
}

class ConfirmChannel extends Channel {
  publish(exchange, routingKey, content, options, callback) {
    return this[kPublishWithConfirm](exchange, routingKey, content, options, callback);
  }

  sendToQueue(queue, content, options, callback) {
    return this.publish('', queue, content, options, callback);
  }

  waitForConfirms(callback) {
    this[kWaitForAllConfirms]().then(
      () => callback(),
      (error) => callback(error),
    );
  }
}

module.exports = { CallbackModel, Channel, ConfirmChannel };
