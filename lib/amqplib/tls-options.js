'use strict';

// tls.connect's options for the engine, in PEM, and the check that a server is who it should be.

const { createPrivateKey, X509Certificate } = require('node:crypto');
const { isIP } = require('node:net');
const tls = require('node:tls');

const { elements, readPkcs12 } = require('./pkcs12');

const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];
const ENGINE_VERSIONS = ['TLSv1.2', 'TLSv1.3'];

/** The engine's options; throws what tls.connect throws for certificates, keys and passphrases that cannot be. */
function tlsOptions(socket, host) {
  tls.createSecureContext(socket);
  const pfx = socket.pfx === undefined ? {} : fromPkcs12(first(socket.pfx), socket.passphrase);
  const cert = socket.cert === undefined ? pfx.cert : Buffer.concat(pemList(socket.cert));
  const key = socket.key === undefined ? pfx.key : privateKey(first(socket.key), socket.passphrase);
  return {
    ca: [...pemList(socket.ca ?? tls.rootCertificates), ...pemList(pfx.ca ?? [])],
    cert: cert && Buffer.from(cert),
    key: key && Buffer.from(key),
    servername: socket.servername || (isIP(host) ? host : host || 'localhost'),
    rejectUnauthorized: socket.rejectUnauthorized !== false,
    versions: versions(socket),
    alpn: (socket.ALPNProtocols ?? []).map(String),
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

function versions({ minVersion = tls.DEFAULT_MIN_VERSION, maxVersion = tls.DEFAULT_MAX_VERSION }) {
  const [least, most] = [VERSIONS.indexOf(minVersion), VERSIONS.indexOf(maxVersion)];
  return ENGINE_VERSIONS.filter((version) => {
    const index = VERSIONS.indexOf(version);
    return least <= index && index <= most;
  });
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
