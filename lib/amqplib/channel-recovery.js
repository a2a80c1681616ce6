'use strict';

// What brings one channel back on the next connection: its mode, prefetch and consumers, the publishes it keeps, and the
// delivery tags of connections that are gone.

const { clearTimeout, setTimeout } = require('node:timers');

const {
  kAcceptCancel,
  kCallRestoring,
  kConfirms,
  kCountWrites,
  kHoldBack,
  kOnLost,
  kReopen,
  kResume,
  kSend,
  kTakePending,
} = require('./channel-keys');
const { IllegalOperationError } = require('./errors');
const { checkPublish } = require('./kept-publishes');
const { methods } = require('./methods');
const { snapshot } = require('./snapshot');

const LIVE = 0;
const LOST = 1;
const RESTORING = 2;

const STALE = Symbol('stale');

class ChannelRecovery {
  #channel;
  #connection;
  #isConfirm;
  #phase = LIVE;
  /** Why the connection was lost. */
  reason = null;
  #consumers = new Map();
  // Tags of consumers whose queue we deleted; that they are cancelled the broker says behind its answer.
  #orphans = new Set();
  #prefetch = null;
  #channelPrefetch = null;
  #lastQueue = undefined;
  // Users see the tags of this connection behind all those they have seen before.
  #offset = 0;
  #highestTag = 0;
  // How many publishes, in order, have to be sent by when.
  #deadlines = [];
  #timer = null;

  /** `connection` is the ConnectionRecovery that the channel belongs to. */
  constructor(channel, connection, isConfirm) {
    this.#channel = channel;
    this.#connection = connection;
    this.#isConfirm = isConfirm;
  }

  /** The channel is to come back when its connection goes. */
  get survives() {
    return !this.#connection.isStopped;
  }

  /** Nothing can be sent for the user now. */
  get isOffline() {
    return this.#phase !== LIVE;
  }

  /** There is no connection, so that what was delivered cannot be settled. */
  get isLost() {
    return this.#phase === LOST;
  }

  /** So much is kept that 'drain' has to wait. */
  mustHoldBack() {
    const { kept } = this.#connection;
    if (kept.isFull) kept.drainLater(this.#channel);
    return kept.isFull;
  }

  // --- out

  /** The fields of an operation as they are right on this connection. */
  current(method, fields) {
    if (fields.queue === undefined || (method === methods.QueueDeclare && !fields.passive)) return fields;
    const queue = fields.queue || this.#lastQueue || '';
    const name = this.#connection.topology.nameOf(queue);
    return name === fields.queue ? fields : { ...fields, queue: name };
  }

  publish(exchange, routingKey, publication, content) {
    const { kept } = this.#connection;
    if (this.#phase !== LIVE) {
      checkPublish(exchange, routingKey, publication, content);
      if (!kept.hasRoom(content.length)) throw bufferFull();
      this.#channel[kConfirms].keep(kept.keep(exchange, routingKey, publication, content, false));
      if (!this.#isConfirm) this.#channel[kConfirms].push(undefined);
      this.#expectWithin(1);
      return this.#channel[kCountWrites](1) && !kept.isFull;
    }
    const result = this.#send(exchange, routingKey, publication, content);
    if (!this.#isConfirm) return result;
    this.#channel[kConfirms].keep(kept.keep(exchange, routingKey, publication, content, true));
    if (!kept.isFull) return result;
    kept.drainLater(this.#channel);
    return this.#channel[kHoldBack]();
  }

  #send(exchange, routingKey, publication, content) {
    const { topology } = this.#connection;
    if (!topology.hasRenamed) return this.#channel[kSend](exchange, routingKey, publication, content);
    if (publication.replyTo) publication.replyTo = topology.nameOf(publication.replyTo);
    const key = exchange ? routingKey : topology.nameOf(routingKey);
    return this.#channel[kSend](exchange, key, publication, content);
  }

  /** An operation has to wait, behind `count` others. Throws when those are too many. */
  expect(operation, count) {
    const { bufferMessages, bufferTimeout } = this.#connection.options;
    if (this.#phase === LIVE) return;
    if (count >= bufferMessages) throw bufferFull();
    if (bufferTimeout === 0) return;
    operation.deadline = Date.now() + bufferTimeout;
    this.#schedule();
  }

  /** The tag as the broker knows it; STALE when it is of a connection that is gone. */
  tagOf(deliveryTag) {
    if (this.#phase === LOST) return STALE;
    if (this.#offset === 0 || deliveryTag === 0 || typeof deliveryTag !== 'number') return deliveryTag;
    return deliveryTag <= this.#offset ? STALE : deliveryTag - this.#offset;
  }

  // --- in

  delivered(fields) {
    fields.deliveryTag += this.#offset;
    this.#highestTag = fields.deliveryTag;
  }

  /** Before the next operation is sent: that one may mean the queue of this answer. */
  heard({ method, fields }) {
    if (method === methods.QueueDeclareOk) this.#lastQueue = fields.queue;
  }

  answered(method, given, answer) {
    const fields = this.current(method, given);
    switch (method) {
      case methods.BasicQos:
        if (fields.global) {
          this.#channelPrefetch = fields;
        } else {
          this.#prefetch = fields;
          // RabbitMQ's rule.
          this.#channelPrefetch = null;
        }
        break;
      case methods.BasicConsume: {
        const { consumerTag } = answer;
        const own = { ...fields, consumerTag, arguments: snapshot(fields.arguments) };
        this.#orphans.delete(consumerTag);
        this.#consumers.set(consumerTag, { fields: own, prefetch: this.#prefetch });
        break;
      }
      case methods.BasicCancel:
        this.forgetConsumer(answer.consumerTag);
        break;
      case methods.QueueDelete:
        this.#connection.orphan(fields.queue);
        break;
    }
    this.#connection.topology.note(method, fields, answer);
  }

  forgetConsumer(consumerTag) {
    this.#orphans.delete(consumerTag);
    const consumer = this.#consumers.get(consumerTag);
    if (!this.#consumers.delete(consumerTag)) return;
    const { queue } = consumer.fields;
    const { topology } = this.#connection;
    if (topology.isAutoDelete(queue) && !this.#connection.isConsumed(queue)) topology.forgetQueue(queue);
  }

  /** The queue is gone, whatever is declared under its name from now on. */
  orphan(queue) {
    for (const [consumerTag, { fields }] of [...this.#consumers]) {
      if (fields.queue !== queue) continue;
      this.#consumers.delete(consumerTag);
      this.#orphans.add(consumerTag);
    }
  }

  consumes(queue) {
    for (const { fields } of this.#consumers.values()) if (fields.queue === queue) return true;
    return false;
  }

  // --- going and coming

  /** The connection is gone, or it could not be brought back all the way. */
  lost(reason) {
    const wasLive = this.#phase === LIVE;
    this.#phase = LOST;
    this.reason = reason ?? new Error('Connection closed');
    this.#offset = this.#highestTag;
    const { [kConfirms]: confirms, pending } = this.#channel;
    confirms.restart();
    if (wasLive) this.#channel[kOnLost]?.(this.reason);
    // What has waited through an attempt goes on waiting for no longer than it was to.
    if (wasLive && this.#connection.options.bufferTimeout !== 0) {
      if (confirms.size > 0) this.#expectWithin(confirms.size);
      for (const operation of pending) this.expect(operation, 0);
    }
    for (const consumerTag of [...this.#orphans]) this.#cancelOrphan(consumerTag);
  }

  #cancelOrphan(consumerTag) {
    try {
      this.#channel[kAcceptCancel]({ consumerTag, nowait: true });
    } catch (error) {
      // While the connection was there, it would have been lost for that, with the same error.
      this.#connection.onError(error);
    }
    this.#channel.unregisterConsumer(consumerTag);
  }

  /** Opens the channel again, with its mode, prefetch and consumers. */
  async restore(connection) {
    const channel = this.#channel;
    this.#phase = RESTORING;
    channel[kReopen](connection);
    await this.#ask(methods.ChannelOpen, { outOfBand: '' }, methods.ChannelOpenOk);
    if (this.#isConfirm) await this.#ask(methods.ConfirmSelect, { nowait: false }, methods.ConfirmSelectOk);
    let prefetch = null;
    await this.#restorePrefetch(prefetch);
    for (const consumer of [...this.#consumers.values()]) {
      if (consumer.prefetch !== prefetch) {
        prefetch = consumer.prefetch;
        await this.#restorePrefetch(prefetch);
      }
      consumer.fields = this.current(methods.BasicConsume, consumer.fields);
      await this.#ask(methods.BasicConsume, consumer.fields, methods.BasicConsumeOk);
    }
    if (this.#prefetch !== prefetch) await this.#restorePrefetch(this.#prefetch);
  }

  // The channel's own behind that for consumers, which ends it.
  async #restorePrefetch(prefetch) {
    if (prefetch !== null) await this.#askPrefetch(prefetch);
    if (this.#channelPrefetch !== null) await this.#askPrefetch(this.#channelPrefetch);
  }

  #ask(method, fields, expected) {
    return new Promise((resolve, reject) => {
      const callback = (error) => (error ? reject(error) : resolve());
      this.#channel[kCallRestoring](method, fields, [expected], callback);
    });
  }

  #askPrefetch(fields) {
    return this.#ask(methods.BasicQos, fields, methods.BasicQosOk);
  }

  /** All is back: what is kept is sent, then what waited. */
  resume() {
    const channel = this.#channel;
    this.#phase = LIVE;
    this.reason = null;
    this.#deadlines = [];
    clearTimeout(this.#timer);
    this.#timer = null;
    const failures = this.#sendKept();
    if (!this.#isConfirm) channel[kConfirms].drop(channel[kConfirms].size);
    channel[kResume]();
    for (const fail of failures) fail();
  }

  // A node may take smaller frames than the one before: what does not fit any more is given up, and nothing else with it.
  // Whose publish that was hears of it when all others are on their way.
  #sendKept() {
    const { [kConfirms]: confirms } = this.#channel;
    const failures = [];
    confirms.kept().forEach((message, index) => {
      try {
        this.#send(message.exchange, message.routingKey, message.publication, message.content);
        message.isSent = true;
      } catch (error) {
        // No fault of the publish.
        if (error instanceof IllegalOperationError) throw error;
        failures.push(confirms.take(index - failures.length, notPublished(message, error)));
      }
    });
    return failures;
  }

  closed() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#connection.forget(this.#channel);
    for (const consumerTag of [...this.#consumers.keys()]) this.forgetConsumer(consumerTag);
  }

  // --- time-out

  #expectWithin(count) {
    const { bufferTimeout } = this.#connection.options;
    if (bufferTimeout === 0) return;
    const at = Date.now() + bufferTimeout;
    const last = this.#deadlines.at(-1);
    if (last?.at === at) last.count += count;
    else this.#deadlines.push({ at, count });
    this.#schedule();
  }

  #schedule() {
    if (this.#timer !== null) return;
    const firsts = [this.#deadlines[0]?.at, this.#channel.pending[0]?.deadline].filter(Boolean);
    // Nothing there yet: it is being added.
    const next =
      firsts.length > 0 ? Math.min(...firsts) : Date.now() + this.#connection.options.bufferTimeout;
    const delay = Math.max(1, next - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#expire();
    }, delay);
  }

  #expire() {
    if (this.#phase === LIVE) return;
    const now = Date.now();
    let count = 0;
    while (this.#deadlines.length > 0 && this.#deadlines[0].at <= now) count += this.#deadlines.shift().count;
    const late = this.#channel[kTakePending](({ deadline }) => deadline <= now);
    if (this.#deadlines.length > 0 || this.#channel.pending.length > 0) this.#schedule();
    this.#channel[kConfirms].drop(count, (message) => notPublished(message, this.reason, 'timed out'));
    for (const { reply } of late) reply(offlineError('Timed out waiting for the connection', this.reason));
  }
}

function offlineError(text, cause) {
  return Object.assign(new Error(text, cause ? { cause } : undefined), { code: 'ERR_AMQP_OFFLINE' });
}

function bufferFull() {
  const error = new Error('The connection is away and the buffer for publishes and operations is full');
  return Object.assign(error, { code: 'ERR_AMQP_BUFFER_FULL' });
}

/** What is known of a publish that is given up. */
function notPublished(message, cause, why = 'given up') {
  const reason = cause ? `${why}: ${cause.message}` : why;
  const [code, text] = message.isSent
    ? ['ERR_AMQP_UNCONFIRMED', `The connection was lost before the publish was confirmed (${reason})`]
    : ['ERR_AMQP_NOT_PUBLISHED', `Not published (${reason})`];
  return Object.assign(new Error(text, cause ? { cause } : undefined), { code });
}

module.exports = { ChannelRecovery, STALE, notPublished };
