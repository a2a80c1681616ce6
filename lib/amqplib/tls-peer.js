'use strict';

// A TLS server as its session shows it, and whether it is the one that is meant: Node's rules, on OpenSSL's verdict.

const { X509Certificate } = require('node:crypto');

const { ERR_TLS_DH_PARAM_SIZE } = require('../internal/errors');

// X509_V_ERR_… (openssl/x509_vfy.h) by the names that Node has for them.
const VERIFY_CODES = {
  2: 'UNABLE_TO_GET_ISSUER_CERT',
  3: 'UNABLE_TO_GET_CRL',
  4: 'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  5: 'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
  6: 'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  7: 'CERT_SIGNATURE_FAILURE',
  8: 'CRL_SIGNATURE_FAILURE',
  9: 'CERT_NOT_YET_VALID',
  10: 'CERT_HAS_EXPIRED',
  11: 'CRL_NOT_YET_VALID',
  12: 'CRL_HAS_EXPIRED',
  13: 'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  14: 'ERROR_IN_CERT_NOT_AFTER_FIELD',
  15: 'ERROR_IN_CRL_LAST_UPDATE_FIELD',
  16: 'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
  17: 'OUT_OF_MEM',
  18: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  19: 'SELF_SIGNED_CERT_IN_CHAIN',
  20: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  21: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  22: 'CERT_CHAIN_TOO_LONG',
  23: 'CERT_REVOKED',
  24: 'INVALID_CA',
  25: 'PATH_LENGTH_EXCEEDED',
  26: 'INVALID_PURPOSE',
  27: 'CERT_UNTRUSTED',
  28: 'CERT_REJECTED',
  62: 'HOSTNAME_MISMATCH',
};
// X509_V_ERR_UNSPECIFIED: a server that has shown no certificate.
const UNSPECIFIED = { verifyResult: 1, verifyText: 'unspecified certificate verification error' };

// What Node adds from version 24 on.
const HINT = '; if the root CA is installed locally, try running Node.js with --use-system-ca';
const HINTED = [
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
];
const givesHints = Number.parseInt(process.versions.node, 10) >= 24;

class TlsPeer {
  #certificates;
  #chain = null;

  /** `texts` and `certificates` are those of the PEER record (src/amqp/client/batch.rs). */
  constructor({ verifyResult, dhBits, texts, certificates }, servername) {
    const [verifyText, version, name, standardName, cipherVersion, ...protocol] = texts.split('\n');
    this.#certificates = [...split(certificates)];
    const isShown = certificates.length > 0;
    Object.assign(this, isShown ? { verifyResult, verifyText } : UNSPECIFIED);
    this.dhBits = dhBits;
    this.version = version;
    this.cipher = { name, standardName, version: cipherVersion };
    this.protocol = protocol.join('\n') || false;
    this.servername = servername || false;
  }

  get x509() {
    return this.#certificates.length > 0 ? new X509Certificate(this.#certificates[0]) : undefined;
  }

  /** As socket.getPeerCertificate: with `detailed` each with its issuer, a root with itself. Undefined when there is none. */
  describe(detailed) {
    if (!detailed) return this.x509?.toLegacyObject();
    this.#chain ??= describeChain(this.#certificates);
    return this.#chain;
  }

  /** OpenSSL's verdict as Node's error; undefined when it is that the certificate can be trusted. */
  get verifyError() {
    if (this.verifyResult === 0) return undefined;
    const code = VERIFY_CODES[this.verifyResult] ?? 'UNSPECIFIED';
    const hint = givesHints && HINTED.includes(code) ? HINT : '';
    return Object.assign(new Error(this.verifyText + hint), { code });
  }
}

function* split(bytes) {
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    yield bytes.subarray(at + 4, end);
    at = end;
  }
}

function describeChain(list) {
  const certificates = list.map((der) => new X509Certificate(der));
  const described = certificates.map((certificate) => certificate.toLegacyObject());
  for (const [index, certificate] of certificates.entries()) {
    const issuer = certificates.findIndex((other) => certificate.checkIssued(other));
    if (issuer >= 0) described[index].issuerCertificate = described[issuer];
  }
  return described[0];
}

/** `{ error, authorizationError }`: the error that tls.connect would end with, what it would note when it does not. */
function judge(peer, { name, checkServerIdentity, rejectUnauthorized, minDHSize }) {
  if (peer.dhBits > 0 && peer.dhBits < minDHSize) return { error: new ERR_TLS_DH_PARAM_SIZE(peer.dhBits) };
  let error = peer.verifyError;
  try {
    error ??= checkServerIdentity(name, peer.describe(true));
  } catch (thrown) {
    return { error: thrown };
  }
  if (!error) return { error: undefined, authorizationError: null };
  return {
    error: rejectUnauthorized ? error : undefined,
    authorizationError: error.code || error.message,
  };
}

module.exports = { TlsPeer, judge };
