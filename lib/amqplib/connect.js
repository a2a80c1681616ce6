'use strict';

// Opening a connection: options, name lookup, the engine.

const { isIP } = require('node:net');

const { AbortError } = require('../internal/abort-error');
const { Connection } = require('./connection');
const { checkOptions, readConnectOptions } = require('./connect-options');
const { denialOf } = require('./net-permission');

/** `callback(error)` or `callback(null, connection)`; throws at once for a protocol that is not ours. */
function connect(url, socketOptions, callback) {
  const { host, path, lookup, signal, options } = readConnectOptions(url, socketOptions);
  const attempt = new Attempt(signal, callback);
  try {
    checkOptions(options);
    if (signal?.aborted) throw abortError(signal);
  } catch (error) {
    process.nextTick(() => attempt.finish(error));
    return;
  }
  if (path !== undefined) {
    options.path = path;
    attempt.open(options);
  } else if (isIP(host)) {
    options.addresses = [host];
    attempt.open(options);
  } else {
    lookUp(host || 'localhost', lookup, (error, addresses) => {
      if (error) {
        attempt.finish(error);
        return;
      }
      options.addresses = addresses;
      attempt.open(options);
    });
  }
}

const abortError = (signal) => new AbortError(undefined, { cause: signal.reason });

/** One call of connect. The signal ends the attempt, and later the connection. */
class Attempt {
  #signal;
  #callback;
  #connection = null;
  #isFinished = false;

  constructor(signal, callback) {
    this.#signal = signal;
    this.#callback = callback;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  #onAbort = () => {
    const error = abortError(this.#signal);
    if (this.#connection === null) this.finish(error);
    else this.#connection.destroy(error);
  };

  #forget = () => this.#signal?.removeEventListener('abort', this.#onAbort);

  open(options) {
    if (this.#isFinished) return;
    const denial = denialOf(options);
    if (denial) {
      process.nextTick(() => this.finish(denial));
      return;
    }
    try {
      this.#connection = new Connection(options, (error) => this.finish(error));
    } catch (error) {
      // The resolver may have answered with what is no address.
      process.nextTick(() => this.finish(error));
    }
  }

  finish(error) {
    if (this.#isFinished) return;
    this.#isFinished = true;
    if (error) {
      this.#forget();
      this.#callback(error);
      return;
    }
    this.#connection.once('close', this.#forget);
    this.#callback(null, this.#connection);
  }
}

// As net.connect: all addresses that the resolver gives are candidates, in its order but families in turn.
function lookUp(host, lookup, callback) {
  lookup.function(host, lookup.query, (error, found) => {
    if (error) callback(error);
    else if (Array.isArray(found)) callback(null, alternate(found));
    else callback(null, [found]);
  });
}

function alternate(found) {
  const first = found[0].family;
  const same = found.filter(({ family }) => family === first);
  const other = found.filter(({ family }) => family !== first);
  const addresses = [];
  while (same.length > 0 || other.length > 0) {
    for (const list of [same, other]) if (list.length > 0) addresses.push(list.shift().address);
  }
  return addresses;
}

module.exports = { connect };
