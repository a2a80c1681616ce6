'use strict';

// What brings back all that was made through a recovering connection: its channels and their topology.

const { BaseChannel } = require('./channel');
const { kCallRpc, kIsOpen, kRecoverWith, kRecovery, kSuspend } = require('./channel-keys');
const { ChannelRecovery } = require('./channel-recovery');
const { KeptPublishes } = require('./kept-publishes');
const { methods } = require('./methods');
const { stackCapture } = require('./errors');
const { Topology } = require('./topology');

class ConnectionRecovery {
  #channels = new Set();

  topology = new Topology();
  isStopped = false;

  /** `onRenamed(to, from)` hears of queues that got another name, `onError(error)` of what a consumer throws in a loss. */
  constructor(options, onRenamed, onError) {
    this.options = options;
    this.kept = new KeptPublishes(options);
    this.onRenamed = onRenamed;
    this.onError = onError;
  }

  get size() {
    return this.#channels.size;
  }

  /** The channel comes back from now on. False when it has been lost already. */
  adopt(channel, isConfirm) {
    if (!channel[kIsOpen] || this.isStopped) return false;
    this.#channels.add(channel);
    channel[kRecoverWith](new ChannelRecovery(channel, this, isConfirm), (message) =>
      this.kept.release(message),
    );
    return true;
  }

  forget(channel) {
    this.#channels.delete(channel);
    this.kept.forget(channel);
  }

  orphan(queue) {
    for (const { [kRecovery]: recovery } of this.#channels) recovery.orphan(queue);
  }

  isConsumed(queue) {
    for (const { [kRecovery]: recovery } of this.#channels) if (recovery.consumes(queue)) return true;
    return false;
  }

  /** Declares the topology and opens the channels again; rejects with what could not be brought back. */
  async restore(connection) {
    const declarer = new Declarer(connection);
    try {
      await this.topology.restore((method, fields) => declarer.ask(method, fields), this.onRenamed);
    } finally {
      declarer.close();
    }
    for (const channel of [...this.#channels]) {
      if (!channel[kIsOpen]) continue;
      try {
        await channel[kRecovery].restore(connection);
      } catch (error) {
        // One that its user closes meanwhile is no failure.
        if (channel[kIsOpen]) throw error;
      }
    }
    // The broker may have closed one behind our back.
    for (const { [kIsOpen]: isOpen, [kRecovery]: recovery } of this.#channels)
      if (isOpen && recovery.isLost) throw recovery.reason;
  }

  /** The attempt to restore has failed: what is back already goes again. */
  suspend(error) {
    for (const channel of [...this.#channels]) channel[kSuspend](error);
    // The user has closed the connection during the attempt, which was the last.
    if (this.isStopped) this.stop();
  }

  resume() {
    for (const channel of [...this.#channels]) if (channel[kIsOpen]) channel[kRecovery].resume();
  }

  /** Nothing comes back any more; `error` says why, if not because the user wants that. */
  stop(error) {
    this.isStopped = true;
    const stack = stackCapture(error ? error.message : 'Connection closed');
    for (const channel of [...this.#channels])
      if (channel[kRecovery].isLost) channel.toClosed(stack, error, error);
  }
}

/** A channel to declare on, and another when the broker has closed it because of a refusal. */
class Declarer {
  #connection;
  #channel = null;

  constructor(connection) {
    this.#connection = connection;
  }

  async ask(method, fields) {
    this.#channel ??= await this.#open();
    return call(this.#channel, method, fields);
  }

  async #open() {
    const channel = new BaseChannel(this.#connection).allocate();
    channel.on('error', () => (this.#channel = null));
    await call(channel, methods.ChannelOpen, { outOfBand: '' });
    return channel;
  }

  close() {
    if (this.#channel?.[kIsOpen]) this.#channel.closeBecause('Goodbye', 200);
  }
}

function call(channel, method, fields) {
  const expected = methods[`${method.name}Ok`];
  return new Promise((resolve, reject) => {
    channel[kCallRpc](method, fields, [expected], (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

module.exports = { ConnectionRecovery };
