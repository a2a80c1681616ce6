'use strict';

// A key and a certificate for localhost, signed by itself; null without openssl.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

function selfSigned() {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-certificate-'));
  const [keyFile, certFile] = ['key.pem', 'cert.pem'].map((name) => path.join(directory, name));
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', keyFile, '-out', certFile];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  try {
    execFileSync('openssl', ['req', ...kind, ...names, ...files], { stdio: 'ignore' });
    return { key: fs.readFileSync(keyFile), cert: fs.readFileSync(certFile) };
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return null;
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

module.exports = { selfSigned };
