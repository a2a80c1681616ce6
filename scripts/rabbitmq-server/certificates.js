'use strict';

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const DAYS = '2';

function openssl(args) {
  const { status, error, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args[0]}: ${error?.message ?? stderr.trim()}`);
}

/** A certificate authority and, signed by it, a certificate for the server (localhost, 127.0.0.1) and one for a client. */
function makeCertificates(base) {
  const folder = path.join(base, 'tls');
  fs.mkdirSync(folder);
  const file = (name) => path.join(folder, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const authority = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', DAYS];

  openssl([
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-days',
    DAYS,
    '-subj',
    '/CN=oxipc test',
  ]);
  const sign = (name, subject, extensions) => {
    fs.writeFileSync(file(`${name}.ext`), extensions);
    openssl([
      'req',
      ...newKey,
      '-keyout',
      file(`${name}.key`),
      '-out',
      file(`${name}.csr`),
      '-subj',
      subject,
    ]);
    openssl([
      'x509',
      '-req',
      '-in',
      file(`${name}.csr`),
      '-out',
      file(`${name}.pem`),
      ...authority,
      '-extfile',
      file(`${name}.ext`),
    ]);
  };
  sign('server', '/CN=localhost', 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n');
  sign('client', '/CN=guest', 'extendedKeyUsage=clientAuth\n');

  return {
    ca: file('ca.pem'),
    cert: file('client.pem'),
    key: file('client.key'),
    serverCert: file('server.pem'),
    serverKey: file('server.key'),
  };
}

module.exports = { makeCertificates };
