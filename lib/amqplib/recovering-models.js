'use strict';

// What connect gives with `recovery`: the models of both APIs in front of a connection that comes and goes.

const EventEmitter = require('node:events');

const { asyncDisposable } = require('./async-dispose');
const { RecoveringConnection, asError } = require('./recovering-connection');

const FORWARDED = [
  'connect',
  'disconnect',
  'connect-failed',
  'reconnect-scheduled',
  'reconnect-failed',
  'blocked',
  'unblocked',
  'error',
  'update-secret-ok',
  'handler-error',
  'queue-renamed',
];

function forwardAll(source, target) {
  for (const event of FORWARDED) {
    source.on(event, (...values) => {
      // What a listener throws is the process's unless somebody listens for it.
      if (event === 'handler-error' && target.listenerCount(event) === 0) throw values[0];
      // That a connection was lost must not end the process of a program that leaves it to us to connect again.
      if (event !== 'error' || target.listenerCount(event) > 0) target.emit(event, ...values);
    });
  }
}

class RecoveringChannelModel extends EventEmitter {
  #connection;

  constructor(openModel, recovery) {
    super();
    this.#connection = new RecoveringConnection(openModel, (model) => model.close(), recovery);
    forwardAll(this.#connection, this);
  }

  async waitForConnect() {
    await this.#connection.waitForConnect();
    return this;
  }

  close() {
    return this.#connection.close();
  }

  createChannel(options) {
    return this.#connection.createChannel((model) => model.createChannel(options), false);
  }

  createConfirmChannel(options) {
    return this.#connection.createChannel((model) => model.createConfirmChannel(options), true);
  }

  async updateSecret(newSecret, reason) {
    return (await this.#connection.currentModel()).updateSecret(newSecret, reason);
  }
}

function promised(call) {
  return new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value))));
}

function settle(promise, callback) {
  const done = typeof callback === 'function' ? callback : () => {};
  promise.then(
    (value) => done(null, value),
    (error) => done(asError(error, 'Operation failed')),
  );
}

asyncDisposable(RecoveringChannelModel);

class RecoveringCallbackModel extends EventEmitter {
  #connection;

  constructor(openModel, recovery) {
    super();
    const closeModel = (model) => promised((done) => model.close(done));
    this.#connection = new RecoveringConnection(openModel, closeModel, recovery);
    forwardAll(this.#connection, this);
  }

  #call(operation, callback) {
    settle(
      this.#connection.currentModel().then((model) => promised((done) => operation(model, done))),
      callback,
    );
    return this;
  }

  waitForConnect(callback) {
    settle(
      this.#connection.waitForConnect().then(() => this),
      callback,
    );
    return this;
  }

  close(callback) {
    settle(this.#connection.close(), callback);
    return this;
  }

  createChannel(options, callback) {
    if (typeof options === 'function') return this.createChannel(undefined, options);
    return this.#createChannel((model, done) => model.createChannel(options, done), false, callback);
  }

  createConfirmChannel(options, callback) {
    if (typeof options === 'function') return this.createConfirmChannel(undefined, options);
    return this.#createChannel((model, done) => model.createConfirmChannel(options, done), true, callback);
  }

  #createChannel(create, isConfirm, callback) {
    const open = (model) => promised((done) => create(model, done));
    settle(this.#connection.createChannel(open, isConfirm), callback);
    return this;
  }

  updateSecret(newSecret, reason, callback) {
    return this.#call((model, done) => model.updateSecret(newSecret, reason, done), callback);
  }
}

module.exports = { RecoveringCallbackModel, RecoveringChannelModel };
