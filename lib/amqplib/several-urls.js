'use strict';

// `connect([url, …])`: the nodes of a cluster, tried one after another.

const { NodeAggregateError } = require('../internal/system-errors');
const { connect } = require('./connect');

// A node that has gone without a word must not keep the others waiting for the system's two minutes.
const ATTEMPT_TIMEOUT = 10_000;

/**
 * `open(callback)` connects to `url`; of several to the first that lets us in, beginning behind the one that did last. Then
 * its error is that of the only one tried, or has all of them in `errors`.
 */
function opener(url, socketOptions) {
  if (!Array.isArray(url)) return (callback) => connect(url, socketOptions, callback);
  if (url.length === 0) throw new TypeError('connect needs a URL, or a list of at least one');
  const urls = [...url];
  const options = { timeout: ATTEMPT_TIMEOUT, ...socketOptions };
  let first = 0;
  return (callback) => {
    const errors = [];
    const begin = first;
    const attempt = () => {
      const index = (begin + errors.length) % urls.length;
      connectSafely(urls[index], options, (error, connection) => {
        if (!error) {
          first = (index + 1) % urls.length;
          callback(null, connection);
          return;
        }
        errors.push(error);
        const isGivenUp = options.signal?.aborted;
        if (errors.length < urls.length && !isGivenUp) attempt();
        else callback(errors.length === 1 || isGivenUp ? error : allOf(errors));
      });
    };
    attempt();
  };
}

const allOf = (errors) => new NodeAggregateError(errors, errors.map(({ message }) => message).join('; '));

// What is wrong with one URL is no reason not to try the others.
function connectSafely(url, options, callback) {
  try {
    connect(url, options, callback);
  } catch (error) {
    process.nextTick(callback, error);
  }
}

module.exports = { opener };
