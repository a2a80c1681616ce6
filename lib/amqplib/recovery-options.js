'use strict';

// `recovery: true | {…}` of connect: defaults, and the delay before each attempt.

const DEFAULTS = { initialDelay: 100, maxDelay: 30000, factor: 2, jitter: 0.2 };
// What is kept of publishes: small ones are bounded by their number, large ones by their size.
const BUFFER_MESSAGES = 65_536;
const BUFFER_BYTES = 64 * 1024 * 1024;
// setTimeout's longest.
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** The connection's options without `recovery`, and what that says: null when it is off. */
function splitRecovery(options) {
  if (!options || typeof options !== 'object' || !Object.hasOwn(options, 'recovery')) {
    return { socketOptions: options, recovery: null };
  }
  const { recovery, ...socketOptions } = options;
  const isOn = recovery && (recovery === true || recovery.enabled !== false);
  return { socketOptions, recovery: isOn ? normalise(recovery === true ? {} : recovery) : null };
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

function finite(value, fallback) {
  const number = Number(value);
  return Number.isFinite(number) ? number : fallback;
}

function retries(value, fallback) {
  if (value === undefined || value === null) return fallback;
  return value === Infinity ? Infinity : Math.max(0, finite(value, fallback));
}

const functionOrNull = (value) => (typeof value === 'function' ? value : null);

function normalise(given) {
  const initialDelay = Math.max(0, finite(given.initialDelay, DEFAULTS.initialDelay));
  const maxRetries = retries(given.maxRetries, Infinity);
  return {
    initialDelay,
    maxDelay: Math.max(initialDelay, finite(given.maxDelay, DEFAULTS.maxDelay)),
    factor: Math.max(1, finite(given.factor, DEFAULTS.factor)),
    jitter: clamp(finite(given.jitter, DEFAULTS.jitter), 0, 1),
    maxRetries,
    initialMaxRetries: retries(given.initialMaxRetries, maxRetries),
    setup: functionOrNull(given.setup),
    waitForConnect: given.waitForConnect !== false,
    calculateDelay: functionOrNull(given.calculateDelay),
    // Not in amqplib.
    channels: given.channels !== false,
    bufferMessages: Math.max(1, finite(given.bufferMessages, BUFFER_MESSAGES)),
    bufferBytes: Math.max(1, finite(given.bufferBytes, BUFFER_BYTES)),
    bufferTimeout: clamp(finite(given.bufferTimeout, 0), 0, LONGEST_TIMEOUT),
  };
}

/** Milliseconds before attempt `attempt`, counted from 1. Throws for what a calculateDelay must not return. */
function delayBefore(recovery, attempt) {
  if (recovery.calculateDelay !== null) return customDelay(recovery.calculateDelay(attempt));

  const { initialDelay, maxDelay, factor, jitter } = recovery;
  // Room for the jitter stays under maxDelay: with a cut at maxDelay half of all delays would be exactly that.
  const base = Math.min(maxDelay / (1 + jitter), initialDelay * factor ** (attempt - 1));
  return Math.max(0, Math.round(base + base * jitter * (Math.random() * 2 - 1)));
}

function customDelay(delay) {
  if (typeof delay === 'number' && Number.isFinite(delay) && delay >= 0) return Math.round(delay);
  throw new Error(
    `calculateDelay must return a finite, non-negative number of milliseconds (got ${String(delay)})`,
  );
}

module.exports = { delayBefore, splitRecovery };
