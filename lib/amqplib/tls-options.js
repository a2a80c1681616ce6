'use strict';

// tls.connect's options for the engine, in PEM, and the check that a server is who it should be.

const { createPrivateKey, X509Certificate } = require('node:crypto');
const { isIP } = require('node:net');
const tls = require('node:tls');

const { elements, readPkcs12 } = require('./pkcs12');
const { offered } = require('./tls-hello');

// What the engine cannot do. To connect without them would be less safe than was asked for, or go elsewhere.
const REFUSED = {
  clientCertEngine: 'give cert and key',
  privateKeyEngine: 'give key',
  privateKeyIdentifier: 'give key',
  pskCallback: 'give certificates',
  secureContext: 'give what it was made of: ca, cert, key, pfx, ciphers, …',
  sigalgs: 'leave it out',
  socket: 'give a lookup or the address of the tunnel',
};

/** The engine's options; throws what tls.connect throws for certificates, keys and passphrases that cannot be. */
function tlsOptions(socket, host) {
  refuse(socket);
  tls.createSecureContext(socket);
  const { versions, suites, groups } = offered(socket);
  if (versions.length === 0) throw unsupported('maxVersion', 'TLS 1.2 and 1.3 are supported');
  const pfx = socket.pfx === undefined ? {} : fromPkcs12(first(socket.pfx), socket.passphrase);
  const cert = socket.cert === undefined ? pfx.cert : Buffer.concat(pemList(socket.cert));
  const key = socket.key === undefined ? pfx.key : privateKey(first(socket.key), socket.passphrase);
  return {
    ca: [...pemList(socket.ca ?? tls.rootCertificates), ...pemList(pfx.ca ?? [])],
    cert: cert && Buffer.from(cert),
    key: key && Buffer.from(key),
    servername: socket.servername || (isIP(host) ? host : host || 'localhost'),
    rejectUnauthorized: socket.rejectUnauthorized !== false,
    crls: socket.crl === undefined ? [] : pemList(socket.crl),
    versions,
    suites,
    groups,
    alpn: protocols(socket.ALPNProtocols),
  };
}

const first = (value) => (Array.isArray(value) ? value[0] : value);

function pemList(value) {
  return (Array.isArray(value) ? value : [value]).map((pem) =>
    Buffer.concat([Buffer.from(pem), Buffer.from('\n')]),
  );
}

// A PEM, perhaps as { pem, passphrase }.
function privateKey(given, passphrase) {
  const options = { key: given.pem ?? given, format: 'pem', passphrase: given.passphrase ?? passphrase };
  return createPrivateKey(options).export({ type: 'pkcs8', format: 'pem' });
}

// A file, perhaps as { buf, passphrase }.
function fromPkcs12(given, passphrase) {
  return readPkcs12(Buffer.from(given.buf ?? given), given.passphrase ?? passphrase);
}

function refuse(socket) {
  for (const [name, instead] of Object.entries(REFUSED)) {
    if (socket[name] !== undefined && socket[name] !== null) throw unsupported(name, instead);
  }
}

function unsupported(name, instead) {
  const error = new TypeError(`The TLS option '${name}' is not supported like this: ${instead}`);
  return Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
}

/** ALPN's protocols as bytes each: given in a list, or as they stand on the wire. */
function protocols(given) {
  if (given === undefined || given === null) return [];
  const out = {};
  tls.convertALPNProtocols(given, out);
  const wire = Buffer.from(out.ALPNProtocols);
  const found = [];
  for (let at = 0; at < wire.length; at += 1 + wire[at]) found.push(wire.subarray(at + 1, at + 1 + wire[at]));
  return found;
}

/**
 * The check of a server's certificates, whose signatures the engine has checked: against its name, by Node's rules or the
 * user's own. Returns the error that tls.connect would end with, undefined when it is the right one.
 */
function identityCheck(servername, checkServerIdentity = tls.checkServerIdentity) {
  return (bytes) => checkServerIdentity(servername, chain(bytes));
}

// As socket.getPeerCertificate(true): each with its issuer, a root with itself.
function chain(bytes) {
  const certificates = elements(bytes).map(({ whole }) => new X509Certificate(whole));
  const described = certificates.map((certificate) => certificate.toLegacyObject());
  for (const [index, certificate] of certificates.entries()) {
    const issuer = certificates.findIndex((other) => certificate.checkIssued(other));
    if (issuer >= 0) described[index].issuerCertificate = described[issuer];
  }
  return described[0];
}

module.exports = { identityCheck, tlsOptions };
