'use strict';

// tls.connect's options for the engine: Node's own context of them, which the engine's session with Node's OpenSSL runs on.

const { isIP } = require('node:net');
const tls = require('node:tls');
const { inspect } = require('node:util');

const { ERR_INVALID_ARG_VALUE } = require('../internal/errors');
const { judge } = require('./tls-peer');

// What belongs to a socket of Node's own. To connect without it would be less safe than was asked for, or go elsewhere.
const REFUSED = {
  pskCallback: 'give certificates',
  secureContext: 'give what it was made of: ca, cert, key, pfx, ciphers, …',
  socket: 'give a lookup or the address of the tunnel',
};
// tls.connect's default for minDHSize, in bits.
const LEAST_DH_BITS = 1024;
// RFC 6066, 3: a servername is no address. Node refuses them from version 26 on, and sent them before.
const REFUSES_ADDRESSES = Number.parseInt(process.versions.node, 10) >= 26;

let hasWarned = false;

/** `{ tls, secureContext, judge }`: the engine's options, its context, the judge of servers. Throws what tls.connect throws for options that cannot be. */
function tlsOptions(socket, host) {
  refuse(socket);
  const options = {
    rejectUnauthorized: !isVerificationOff(),
    ciphers: tls.DEFAULT_CIPHERS,
    minDHSize: LEAST_DH_BITS,
    ...socket,
  };
  const { context } = tls.createSecureContext(options);
  const servername = options.servername || (isIP(host) ? '' : host || '');
  checkServername(options.servername);
  return {
    tls: { servername, protocols: wireProtocols(options.ALPNProtocols) },
    secureContext: context,
    judge: (peer) =>
      judge(peer, {
        name: servername || host || 'localhost',
        checkServerIdentity: options.checkServerIdentity ?? tls.checkServerIdentity,
        rejectUnauthorized: options.rejectUnauthorized !== false,
        minDHSize: options.minDHSize,
      }),
  };
}

function refuse(socket) {
  for (const [name, instead] of Object.entries(REFUSED)) {
    if (socket[name] === undefined || socket[name] === null) continue;
    const error = new TypeError(`The TLS option '${name}' is not supported like this: ${instead}`);
    throw Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
  }
}

/** ALPN's list as it stands on the wire. */
function wireProtocols(given) {
  if (!given) return undefined;
  const out = {};
  tls.convertALPNProtocols(given, out);
  return out.ALPNProtocols && Buffer.from(out.ALPNProtocols);
}

function checkServername(servername) {
  if (!servername || !isIP(servername) || !REFUSES_ADDRESSES) return;
  throw new ERR_INVALID_ARG_VALUE(
    'options.servername',
    servername,
    'Setting the TLS ServerName to an IP address is not permitted.',
  );
}

function isVerificationOff() {
  if (process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0') return false;
  if (!hasWarned) {
    hasWarned = true;
    process.emitWarning(
      "Setting the NODE_TLS_REJECT_UNAUTHORIZED environment variable to '0' makes TLS connections and HTTPS requests " +
        'insecure by disabling certificate verification.',
    );
  }
  return true;
}

/**
 * Where a secure context has its `SSL_CTX`. Node shows that to addons as an External, which Node-API cannot read, since its
 * own have another content; inspect() writes what is in it.
 */
function contextAddress(context) {
  const found = /^\[External: ([0-9a-f]+)\]$/.exec(inspect(context._external, { colors: false }));
  if (found !== null) return BigInt(`0x${found[1]}`);
  const error = new Error('TLS needs the context of Node.js, which this runtime does not show');
  throw Object.assign(error, { code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM' });
}

module.exports = { contextAddress, tlsOptions };
