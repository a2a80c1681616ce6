'use strict';

// From amqplib's URL, object and socket options to the engine's: defaults, credentials, client properties.

const dns = require('node:dns');
const { getDefaultAutoSelectFamily, getDefaultAutoSelectFamilyAttemptTimeout, isIP } = require('node:net');
const querystring = require('node:querystring');
// The global one may be a variable of the program: a top-level `const URL` of `node -e` or the REPL.
const { URL } = require('node:url');

const { version } = require('../../package.json');
const { ERR_INVALID_ARG_TYPE, ERR_INVALID_IP_ADDRESS } = require('../internal/errors');
const {
  validateAbortSignal,
  validateBoolean,
  validateFunction,
  validateInt32,
  validateNumber,
  validatePort,
  validateString,
} = require('../internal/validators');
const { plain } = require('./credentials');
const { isShortString } = require('./methods');
const { writeTable } = require('./table');
const { readTimeout } = require('./timeout');
const { tlsOptions } = require('./tls-options');
const { Writer } = require('./writer');

const FRAME_MIN_SIZE = 4096;
const DEFAULT_FRAME_MAX = 131072;
const AMQP_PORT = 5672;
const AMQPS_PORT = 5671;
// Before version 22 the resolver did.
const CHECKS_HOST = Number.parseInt(process.versions.node, 10) >= 22;
// What net.connect takes; any other value means both.
const FAMILIES = new Map([
  [4, 4],
  ['IPv4', 4],
  [6, 6],
  ['IPv6', 6],
]);
const MOST_SHORT = 0xffff;
const MOST_LONG = 0xffffffff;
// Node's least for autoSelectFamilyAttemptTimeout, in milliseconds.
const LEAST_ATTEMPT_TIMEOUT = 10;
// A heartbeat of a frame's own size would never fit; strings in client properties are the user's own.
const CLIENT_PROPERTIES_LIMIT = 64 * 1024 * 1024;

const CLIENT_PROPERTIES = {
  product: 'oxipc',
  version,
  platform: `Node.JS ${process.version}`,
  information: 'https://www.npmjs.com/package/oxipc',
  capabilities: {
    publisher_confirms: true,
    exchange_exchange_bindings: true,
    'basic.nack': true,
    consumer_cancel_notify: true,
    'connection.blocked': true,
    authentication_failure_close: true,
  },
};

/** What connect was asked for: where to, and everything of the engine's options that does not need a lookup. */
function readConnectOptions(url, socketOptions) {
  const socket = { ...(socketOptions || {}) };
  if (socket.signal !== undefined) validateAbortSignal(socket.signal, 'signal');
  const target = typeof url === 'object' && url ? fromObject(url) : fromURL(url || 'amqp://localhost');
  if (!['amqp:', 'amqps:', 'amqp+unix:'].includes(target.protocol)) {
    throw new Error(`Expected amqp: or amqps: as the protocol; got ${target.protocol}`);
  }
  const credentials = socket.credentials || target.credentials;
  const { config } = target;
  const path = target.path ?? (socket.path || undefined);
  if (path !== undefined) validateString(path, 'options.path');
  else if (CHECKS_HOST && target.host) validateString(target.host, 'options.host');
  const secure = target.protocol === 'amqps:' ? tlsOptions(socket, target.host) : {};
  return {
    host: target.host,
    path,
    lookup: readLookup(socket, path !== undefined || isIP(target.host) !== 0),
    signal: socket.signal,
    options: {
      addresses: [],
      port: path === undefined ? readPort(target) : 0,
      ...readLocal(socket),
      attemptTimeout: readAttemptTimeout(socket.autoSelectFamilyAttemptTimeout),
      timeout: socket.timeout ? readTimeout(socket.timeout) : 0,
      // amqplib's default is false, which costs every handshake 40 ms; nobody waits for that.
      noDelay: socket.noDelay === undefined ? true : !!socket.noDelay,
      keepAlive: !!socket.keepAlive,
      // Whole seconds, as setKeepAlive takes it.
      keepAliveDelay: Math.max(0, ~~(socket.keepAliveDelay / 1000)) * 1000,
      ...secure,
      host: target.host,
      mechanism: `${credentials.mechanism}`,
      response: credentials.response(),
      clientProperties: clientProperties(socket.clientProperties || {}),
      locale: config.locale || 'en_US',
      virtualHost: target.vhost ? querystring.unescape(target.vhost) : '/',
      // A wish above what can be said is one for as much as the server allows.
      channelMax: Math.min(MOST_SHORT, integer(config.channelMax, 0)),
      frameMax: Math.min(MOST_LONG, integer(config.frameMax, DEFAULT_FRAME_MAX)),
      heartbeat: config.heartbeat == null ? undefined : Math.min(MOST_SHORT, integer(config.heartbeat, 0)),
      maxFrameSize: maxFrameSize(config.maxFrameSize),
    },
  };
}

/** What cannot be sent, found before anything is. */
function checkOptions(options) {
  const { channelMax, frameMax, heartbeat, maxFrameSize: largest, virtualHost, locale, response } = options;
  if (largest !== undefined && (!Number.isInteger(largest) || (largest !== 0 && largest < FRAME_MIN_SIZE))) {
    throw new TypeError(
      `maxFrameSize must be 0 (no limit) or an integer of at least ${FRAME_MIN_SIZE}; got ${largest}`,
    );
  }
  for (const [name, value] of Object.entries({ channelMax, frameMax, heartbeat })) {
    if (Number.isNaN(value)) {
      throw new TypeError(`Field '${name}' is the wrong type; must be a number (but not NaN)`);
    }
    // Throws as writing the method would.
    if (value < 0) Buffer.alloc(4)[name === 'frameMax' ? 'writeUInt32BE' : 'writeUInt16BE'](value);
  }
  if (!Buffer.isBuffer(response)) {
    throw new TypeError("Field 'response' is the wrong type; must be a Buffer");
  }
  for (const [name, value] of Object.entries({ locale, virtualHost })) {
    if (!isShortString(value)) {
      throw new TypeError(`Field '${name}' is the wrong type; must be a string (up to 255 chars)`);
    }
  }
}

/** As net.connect reads it. */
function readPort({ port }) {
  if (typeof port !== 'number' && typeof port !== 'string') {
    throw new ERR_INVALID_ARG_TYPE('options.port', ['number', 'string'], port);
  }
  return validatePort(port);
}

/** Where the connection comes from, as net.connect reads it. */
function readLocal({ localAddress, localPort }) {
  if (localAddress && !isIP(localAddress)) throw new ERR_INVALID_IP_ADDRESS(localAddress);
  if (localPort) {
    validateNumber(localPort, 'options.localPort');
    validatePort(localPort, 'options.localPort');
  }
  return { localAddress: localAddress || undefined, localPort: localPort || undefined };
}

/** As net.connect reads it. */
function readAttemptTimeout(given) {
  if (given === undefined || given === null) return getDefaultAutoSelectFamilyAttemptTimeout();
  validateInt32(given, 'options.autoSelectFamilyAttemptTimeout', 1);
  return Math.max(LEAST_ATTEMPT_TIMEOUT, given);
}

/** How net.connect has a name looked up: which function, with which options. */
function readLookup({ lookup, family, hints, autoSelectFamily, localAddress }, isAddress) {
  if (!isAddress && lookup !== undefined && lookup !== null) validateFunction(lookup, 'options.lookup');
  if (autoSelectFamily !== undefined && autoSelectFamily !== null) {
    validateBoolean(autoSelectFamily, 'options.autoSelectFamily');
  }
  const isAnyFamily = !FAMILIES.has(family);
  const query = {
    family: FAMILIES.get(family) ?? family,
    hints: hints || (isAnyFamily ? dns.ADDRCONFIG : 0),
  };
  // An address to come from leaves no choice of families.
  if (isAnyFamily && !localAddress && (autoSelectFamily ?? getDefaultAutoSelectFamily())) query.all = true;
  return { function: lookup ?? dns.lookup, query };
}

const integer = (value, fallback) => (value === undefined ? fallback : parseInt(value, 10));

function maxFrameSize(value) {
  if (value === undefined || value === null) return undefined;
  return /^\d+$/.test(String(value)) ? Number(value) : NaN;
}

function fromObject(url) {
  const protocol = `${url.protocol || 'amqp'}:`;
  const isAnonymous = url.username === undefined && url.password === undefined;
  return {
    protocol,
    host: url.hostname,
    path: protocol === 'amqp+unix:' ? url.path : undefined,
    port: url.port || (protocol === 'amqp:' ? AMQP_PORT : AMQPS_PORT),
    credentials: isAnonymous ? plain('guest', 'guest') : plain(url.username || '', url.password || ''),
    vhost: url.vhost,
    config: url,
  };
}

function fromURL(text) {
  let parts;
  try {
    parts = new URL(text);
  } catch {
    parts = {};
  }
  const protocol = parts.protocol || '';
  const query = querystring.parse(parts.search ? parts.search.slice(1) : '');
  // Of several values for a key the first counts.
  for (const key in query) if (Array.isArray(query[key])) [query[key]] = query[key];
  const isUnix = protocol === 'amqp+unix:';
  const pathname = parts.pathname || '';
  return {
    protocol,
    host: (parts.hostname || '').replace(/^\[|\]$/g, ''),
    // amqp+unix:///run/broker.sock?vhost=/name
    path: isUnix ? decodeURIComponent(pathname) : undefined,
    port: parseInt(parts.port, 10) || (protocol === 'amqp:' ? AMQP_PORT : AMQPS_PORT),
    credentials: fromUserInfo(parts),
    vhost: isUnix ? query.vhost : pathname.slice(1),
    config: query,
  };
}

function fromUserInfo({ username = '', password = '' }) {
  if (username === '' && password === '') return plain('guest', 'guest');
  return plain(unescape(username), unescape(password));
}

function clientProperties(extra) {
  const writer = new Writer();
  writer.begin(CLIENT_PROPERTIES_LIMIT);
  writeTable(writer, { ...extra, ...without(CLIENT_PROPERTIES, extra) });
  return writer.end();
}

const without = (table, names) =>
  Object.fromEntries(Object.entries(table).filter(([name]) => !Object.hasOwn(names, name)));

module.exports = { checkOptions, readConnectOptions };
