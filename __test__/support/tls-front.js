'use strict';

// Certificates of an authority of our own, and a TLS server in front of a broker that has none.

const { execFileSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const tls = require('node:tls');

class Certificates {
  #folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-amqp-tls-'));

  constructor(authority = 'authority') {
    this.openssl(
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem'],
      ...['-subj', `/CN=${authority}`, '-days', '2'],
    );
  }

  file(name) {
    return path.join(this.#folder, name);
  }

  read(name) {
    return fs.readFileSync(this.file(name));
  }

  openssl(...args) {
    execFileSync('openssl', args, { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /** A certificate signed by the authority, for these names: NAME.pem and NAME.key. */
  issue(name, altNames) {
    const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`];
    this.openssl('req', ...key, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    fs.writeFileSync(this.file(`${name}.ext`), `subjectAltName=${altNames}\n`);
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
    const files = ['-in', `${name}.csr`, '-out', `${name}.pem`, '-extfile', `${name}.ext`];
    this.openssl('x509', '-req', ...signing, ...files);
  }

  /** The authority's list of what it has taken back. */
  revocationList(name, ...revoked) {
    const policy =
      'database=index.txt\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=2\ncrl_extensions=v2';
    const extensions = '[v2]\nauthorityKeyIdentifier=keyid';
    fs.writeFileSync(this.file('ca.cnf'), `[ca]\ndefault_ca=x\n[x]\n${policy}\n${extensions}\n`);
    fs.writeFileSync(this.file('index.txt'), '');
    fs.writeFileSync(this.file('number'), '01\n');
    const authority = ['-config', 'ca.cnf', '-keyfile', 'ca.key', '-cert', 'ca.pem'];
    for (const certificate of revoked) this.openssl('ca', ...authority, '-revoke', `${certificate}.pem`);
    this.openssl('ca', ...authority, '-gencrl', '-out', `${name}.crl`);
    return this.read(`${name}.crl`);
  }

  remove() {
    fs.rmSync(this.#folder, { recursive: true });
  }
}

/** TLS in front of `broker`: calls `use(port)`, gives what the server saw of each client. */
async function withTls(broker, options, use) {
  const clients = [];
  const server = tls.createServer(options, (socket) => {
    clients.push({
      servername: socket.servername,
      subject: socket.getPeerCertificate()?.subject?.CN,
      cipher: socket.getCipher().name,
      version: socket.getProtocol(),
      alpn: socket.alpnProtocol,
    });
    const inner = net.connect(broker.port, '127.0.0.1');
    for (const [from, to] of [
      [socket, inner],
      [inner, socket],
    ]) {
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use(server.address().port);
  } finally {
    server.close();
  }
  return clients;
}

module.exports = { Certificates, withTls };
