'use strict';

// Certificates and revocation lists of every kind, good and bad, by the openssl program.

const { execFileSync } = require('node:child_process');
const { X509Certificate } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const KEYS = {
  ec: ['EC', 'ec_paramgen_curve:P-256'],
  'ec-384': ['EC', 'ec_paramgen_curve:P-384'],
  rsa: ['RSA', 'rsa_keygen_bits:2048'],
  'rsa-1024': ['RSA', 'rsa_keygen_bits:1024'],
  ed25519: ['ED25519'],
};
const CONFIG = `
[ca]
default_ca = x
[x]
database = index
new_certs_dir = .
rand_serial = yes
unique_subject = no
policy = names
default_md = sha256
crl_extensions = list
[names]
commonName = optional
organizationName = optional
[list]
authorityKeyIdentifier = keyid
[req]
distinguished_name = subject
[subject]
`;
const DAY_MS = 86_400_000;

const stamp = (days) =>
  `${new Date(Date.now() + days * DAY_MS).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;

class CertificateMaker {
  #folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-certificates-'));

  constructor() {
    fs.writeFileSync(this.file('config'), CONFIG);
  }

  file(name) {
    return path.join(this.#folder, name);
  }

  read(name) {
    return fs.readFileSync(this.file(name), 'utf8');
  }

  openssl(...args) {
    execFileSync('openssl', args, { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /**
   * A certificate and its key, `{ cert, key, name }`. Without `issuer` it signs itself. `extensions` are lines of openssl's;
   * `from` and `to` are days from now.
   */
  issue(
    name,
    { issuer, key = 'ec', extensions = [], subject = `/CN=${name}`, from = -1, to = 2, digest } = {},
  ) {
    const [algorithm, option] = KEYS[key];
    const pkey = option ? ['-pkeyopt', option] : [];
    this.openssl('genpkey', '-algorithm', algorithm, ...pkey, '-out', `${name}.key`);
    this.openssl(
      'req',
      '-new',
      '-config',
      'config',
      '-key',
      `${name}.key`,
      '-subj',
      subject,
      '-out',
      `${name}.csr`,
    );
    fs.writeFileSync(this.file('extensions'), `${extensions.join('\n')}\n`);
    fs.writeFileSync(this.file('index'), '');
    const signer = issuer
      ? ['-cert', `${issuer.name}.pem`, '-keyfile', `${issuer.name}.key`]
      : ['-selfsign', '-keyfile', `${name}.key`];
    this.openssl(
      ...[
        'ca',
        '-batch',
        '-notext',
        '-config',
        'config',
        ...signer,
        '-in',
        `${name}.csr`,
        '-out',
        `${name}.pem`,
      ],
      ...['-startdate', stamp(from), '-enddate', stamp(to), '-extfile', 'extensions'],
      ...(digest ? ['-md', digest] : []),
    );
    return { name, cert: this.read(`${name}.pem`), key: this.read(`${name}.key`) };
  }

  /** The issuer's list of what it has taken back; valid for `days`, already over when below zero. */
  list(issuer, revoked = [], days = 2) {
    const lines = revoked.map(({ cert }) => {
      const serial = new X509Certificate(cert).serialNumber;
      return `R\t351231235959Z\t250101000000Z\t${serial}\tunknown\t/CN=x\n`;
    });
    fs.writeFileSync(this.file('index'), lines.join(''));
    fs.writeFileSync(this.file('number'), '01\n');
    fs.writeFileSync(this.file('list-config'), CONFIG.replace('[names]', 'crlnumber = number\n[names]'));
    const times = ['-crl_lastupdate', stamp(Math.min(0, days) - 1), '-crl_nextupdate', stamp(days)];
    this.openssl(
      ...['ca', '-gencrl', '-config', 'list-config', '-cert', `${issuer.name}.pem`],
      ...['-keyfile', `${issuer.name}.key`, ...times, '-out', 'list'],
    );
    return this.read('list');
  }

  /** A PKCS#12 file of a certificate, in the encoding that the arguments ask for. */
  pfx({ name }, ...how) {
    this.openssl('pkcs12', '-export', '-in', `${name}.pem`, '-inkey', `${name}.key`, '-out', 'pfx', ...how);
    return fs.readFileSync(this.file('pfx'));
  }

  /** The key, encrypted. */
  encryptedKey({ name }, passphrase) {
    this.openssl(
      'pkcs8',
      '-topk8',
      '-in',
      `${name}.key`,
      '-out',
      'encrypted',
      '-passout',
      `pass:${passphrase}`,
    );
    return this.read('encrypted');
  }

  remove() {
    fs.rmSync(this.#folder, { recursive: true });
  }
}

module.exports = { CertificateMaker };
