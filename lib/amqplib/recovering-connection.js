'use strict';

// Connecting again and again: the one connection of now, who waits for it, the delays between attempts, and what comes
// back with it. The models of both APIs stand in front of it.

const EventEmitter = require('node:events');
const { clearTimeout, setImmediate, setTimeout } = require('node:timers');

const { kEndedBy } = require('./channel-keys');
const { ConnectionRecovery } = require('./connection-recovery');
const { throwLater } = require('./safe-emit');
const { delayBefore } = require('./recovery-options');

class RecoveringConnection extends EventEmitter {
  #openModel;
  #recovery;
  // Null when only the connection comes back, as with amqplib.
  #channels = null;
  #model = null;
  #unbind = null;
  #waiting = [];
  #isConnecting = false;
  #isStopped = false;
  #failure = null;
  #wasConnected = false;
  #timer = null;
  #attempt = 0;
  #first;
  #isAnnouncing = false;
  #hasWarned = false;

  /** `openModel()` resolves with a model whose `close()`, as `closeModel(model)`, gives a promise. */
  constructor(openModel, closeModel, recovery) {
    super();
    this.#openModel = openModel;
    this.closeModel = async (model) => {
      try {
        await closeModel(model);
      } catch {
        // It is going away; that it did not do so nicely is no news.
      }
    };
    this.#recovery = recovery;
    if (recovery.channels) {
      const onRenamed = (to, from) => this.#announce('queue-renamed', to, from);
      const onError = (error) => setImmediate(() => this.emit('error', error));
      this.#channels = new ConnectionRecovery(recovery, onRenamed, onError);
    }
    this.#first = withResolvers();
    // Whoever does not wait for the first connection must not be told of its failure as an unhandled rejection.
    this.#first.promise.catch(() => {});
    // Later, so that who gets the model at once can listen to the first attempt.
    setImmediate(() => this.#connect());
  }

  waitForConnect() {
    return this.#first.promise;
  }

  /** The model of now, or of the next connection. */
  currentModel() {
    if (this.#model !== null) return Promise.resolve(this.#model);
    if (this.#isStopped) return Promise.reject(this.#failure ?? new Error('Connection closed'));
    const waiter = withResolvers();
    this.#waiting.push(waiter);
    return waiter.promise;
  }

  /** The channel that `open(model)` resolves with, to come back with every connection. */
  async createChannel(open, isConfirm) {
    if (this.#isAnnouncing) this.#warnOfDoubles();
    for (;;) {
      const model = await this.currentModel();
      let channel;
      try {
        channel = await open(model);
      } catch (error) {
        // Lost while it was opening: on the next connection, then.
        if (this.#channels === null || this.#model === model) throw error;
        continue;
      }
      if (this.#channels === null || this.#channels.adopt(channel, isConfirm)) return channel;
    }
  }

  #warnOfDoubles() {
    if (this.#hasWarned || !this.#channels?.size) return;
    this.#hasWarned = true;
    process.emitWarning(
      "A 'connect' listener makes channels, and those of the last connection have come back as well. Make them on the " +
        "model that 'connect' and setup get, or turn that off with { recovery: { channels: false } }",
      { code: 'OXIPC_CHANNELS_TWICE' },
    );
  }

  async close() {
    if (this.#isStopped) return;
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#timer = null;
    const error = new Error('Connection closed');
    this.#rejectWaiting(error);
    this.#first.reject(error);
    this.#channels?.stop();
    const model = this.#model;
    if (model === null) return;
    this.#release();
    await this.closeModel(model);
  }

  async #connect() {
    if (this.#isStopped || this.#isConnecting) return;
    this.#isConnecting = true;
    let model;
    try {
      model = await this.#openModel();
      // Until it is held, what goes wrong with it is told by what fails because of that.
      model.on('error', ignore);
      if (!this.#isStopped) await runSetup(this.#recovery.setup, model);
      if (!this.#isStopped) await this.#channels?.restore(model.connection);
      if (this.#isStopped) {
        await this.closeModel(model);
        return;
      }
      // It may have closed in the meantime with nobody asking anything of it.
      if (model.connection[kEndedBy] !== null) throw model.connection[kEndedBy];
      this.#hold(model);
    } catch (thrown) {
      const error = asError(thrown, 'Connection recovery failed');
      if (model) {
        this.#channels?.suspend(error);
        await this.closeModel(model);
      }
      this.#announce('connect-failed', error);
      this.#schedule(error);
    } finally {
      this.#isConnecting = false;
    }
  }

  #hold(model) {
    this.#model = model;
    this.#attempt = 0;
    this.#wasConnected = true;
    this.#bind(model);
    this.#channels?.resume();
    this.#first.resolve();
    for (const { resolve } of this.#waiting.splice(0)) resolve(model);
    this.#isAnnouncing = true;
    try {
      this.#announce('connect', model);
    } finally {
      this.#isAnnouncing = false;
    }
  }

  #bind(model) {
    const listeners = { close: (error) => this.#lost(model, error) };
    for (const event of ['blocked', 'unblocked', 'error', 'update-secret-ok', 'handler-error']) {
      listeners[event] = (...values) => this.emit(event, ...values);
    }
    for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
    model.off('error', ignore);
    this.#unbind = () => {
      // What listeners have thrown is told a turn later, when the model may be gone.
      const { 'handler-error': _, ...others } = listeners;
      for (const [event, listener] of Object.entries(others)) model.off(event, listener);
      // What it still reports while it goes is nobody's error any more.
      model.on('error', ignore);
    };
  }

  #release() {
    this.#unbind();
    this.#model = null;
  }

  #lost(model, reason) {
    if (this.#model !== model) return;
    this.#release();
    if (this.#isStopped) return;
    const error = asError(reason, 'Connection closed');
    this.#announce('disconnect', error);
    this.#schedule(error);
  }

  #schedule(error) {
    if (this.#isStopped || this.#timer !== null) return;
    const { maxRetries, initialMaxRetries } = this.#recovery;
    if (this.#attempt >= (this.#wasConnected ? maxRetries : initialMaxRetries)) {
      this.#abandon(error);
      return;
    }
    const attempt = this.#attempt + 1;
    let delay;
    try {
      delay = delayBefore(this.#recovery, attempt);
    } catch (thrown) {
      this.#abandon(asError(thrown, 'calculateDelay failed'));
      return;
    }
    this.#attempt = attempt;
    this.#announce('reconnect-scheduled', { attempt, delay, error });
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#connect();
    }, delay);
  }

  #abandon(error) {
    this.#isStopped = true;
    this.#failure = error;
    this.#first.reject(error);
    this.#rejectWaiting(error);
    this.#channels?.stop(error);
    this.#announce('reconnect-failed', error);
  }

  // A listener that throws must not keep the recovery from going on: what it throws is the process's.
  #announce(event, ...values) {
    try {
      this.emit(event, ...values);
    } catch (error) {
      throwLater(error);
    }
  }

  #rejectWaiting(error) {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

function ignore() {}

function withResolvers() {
  const result = {};
  result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
  return result;
}

function asError(value, text) {
  if (value instanceof Error) return value;
  return new Error(value ? String(value) : text);
}

/** `setup(model)`, perhaps a promise, or `setup(model, done)`. */
async function runSetup(setup, model) {
  if (setup === null) return;
  if (setup.length < 2) {
    try {
      await setup(model);
    } catch (thrown) {
      throw setupError(thrown);
    }
    return;
  }
  await new Promise((resolve, reject) => {
    setup(model, (error) => (error ? reject(setupError(error)) : resolve()));
  });
}

const setupError = (thrown) => asError(thrown, 'Recovery setup failed');

module.exports = { RecoveringConnection, asError };
