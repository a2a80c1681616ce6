'use strict';

const { ConnectionStream } = require('./stream');

/** The stream of a connection over TLS: what a program asks a tls.TLSSocket about the server. */
class TlsConnectionStream extends ConnectionStream {
  #peer;

  encrypted = true;

  constructor(addresses, handle, actions, peer) {
    super(addresses, handle, actions);
    this.#peer = peer;
    this.authorized = peer.authorizationError === null;
    this.authorizationError = peer.authorizationError;
    this.alpnProtocol = peer.protocol;
    this.servername = peer.servername;
  }

  getProtocol() {
    return this.#peer.version;
  }

  getCipher() {
    return { ...this.#peer.cipher };
  }

  /** An empty object when the server has shown none. */
  getPeerCertificate(detailed = false) {
    const certificate = this.#peer.describe(detailed);
    return certificate ?? {};
  }

  getPeerX509Certificate() {
    return this.#peer.x509;
  }

  isSessionReused() {
    return false;
  }
}

module.exports = { TlsConnectionStream };
