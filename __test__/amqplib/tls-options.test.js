'use strict';

// The options of tls.connect that choose ciphers, curves, versions, protocols and revocation lists: what ours agrees on with
// a server is what amqplib agrees on, and what ours cannot do is refused.

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const tls = require('node:tls');

const libraries = { original: require('amqplib'), ours: require('../../lib/amqplib') };
const { createBroker } = require('../../lib/broker');
const { Certificates, withTls } = require('../support/tls-front');

const certificates = new Certificates();
let broker;
let server;
let ca;

before(async () => {
  certificates.issue('server', 'DNS:localhost');
  server = { cert: certificates.read('server.pem'), key: certificates.read('server.key') };
  ca = certificates.read('ca.pem');
  broker = await createBroker({ port: 0 });
});

after(async () => {
  await broker?.close();
  certificates.remove();
});

/** What both sides agreed on, or the error. */
async function outcome(library, serverOptions, options) {
  let failure;
  const clients = await withTls(broker, { ...server, ...serverOptions }, async (port) => {
    try {
      const connection = await library.connect(`amqps://localhost:${port}`, { ca, ...options });
      await (await connection.createChannel()).close();
      await connection.close();
    } catch (error) {
      // What OpenSSL's library reports has a thread's number and a line of its source in the message.
      failure = { code: error.code, message: error.library ? undefined : error.message };
    }
  });
  return failure ?? clients[0];
}

function alike(name, serverOptions, optionsOf, expected) {
  test(name, async () => {
    const original = await outcome(libraries.original, serverOptions, optionsOf());
    const ours = await outcome(libraries.ours, serverOptions, optionsOf());
    assert.deepEqual(ours, original);
    for (const [key, value] of Object.entries(expected)) {
      if (value instanceof RegExp) assert.match(ours[key], value);
      else assert.equal(ours[key], value, key);
    }
  });
}

const only12 = { maxVersion: 'TLSv1.2' };
// Under the name that this Node's OpenSSL has for it.
const refusal = { code: /^ERR_SSL_SSL(V3|\/TLS)_ALERT_HANDSHAKE_FAILURE$/ };

alike(
  'ciphers are the ones that are offered',
  {},
  () => ({ ...only12, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }),
  { cipher: 'ECDHE-RSA-AES128-GCM-SHA256' },
);
alike(
  "a string of OpenSSL's aliases means what it means there",
  {},
  () => ({ ...only12, ciphers: 'CHACHA20:!aNULL:@STRENGTH' }),
  { cipher: 'ECDHE-RSA-CHACHA20-POLY1305' },
);
alike(
  'ciphers of TLS 1.3 are named in the same string',
  {},
  () => ({ ciphers: 'TLS_CHACHA20_POLY1305_SHA256' }),
  { cipher: 'TLS_CHACHA20_POLY1305_SHA256', version: 'TLSv1.3' },
);
alike(
  'a server without any of the ciphers refuses',
  { ciphers: 'ECDHE-RSA-AES256-GCM-SHA384', ...only12 },
  () => ({ ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', ...only12 }),
  refusal,
);
alike('a curve is agreed on', { ecdhCurve: 'P-384' }, () => ({ ecdhCurve: 'P-384' }), { version: 'TLSv1.3' });
alike('a server of another curve refuses', { ecdhCurve: 'P-384' }, () => ({ ecdhCurve: 'X25519' }), refusal);
alike('secureProtocol names a version', {}, () => ({ secureProtocol: 'TLSv1_2_method' }), {
  version: 'TLSv1.2',
});
alike(
  'protocols are offered as a list, or as they stand on the wire',
  { ALPNProtocols: ['amqp', 'other'] },
  () => ({ ALPNProtocols: Buffer.from('\x05other') }),
  { alpn: 'other' },
);
alike('a list of texts', { ALPNProtocols: ['amqp'] }, () => ({ ALPNProtocols: ['none', 'amqp'] }), {
  alpn: 'amqp',
});

alike('a certificate that is on no revocation list is good', {}, () => ({ crl: revocationList() }), {
  servername: 'localhost',
});
alike('a revoked certificate is refused', {}, () => ({ crl: [revocationList('server')] }), {
  code: 'CERT_REVOKED',
});
alike("another authority's list is none", {}, () => ({ crl: strangersList() }), {
  code: 'UNABLE_TO_GET_CRL',
});
alike(
  'a revoked certificate will do when any will',
  {},
  () => ({ crl: revocationList('server'), rejectUnauthorized: false }),
  { servername: 'localhost' },
);
alike('a list that is none is refused', {}, () => ({ crl: 'rubbish' }), {
  code: 'ERR_CRYPTO_OPERATION_FAILED',
});

function revocationList(...revoked) {
  return certificates.revocationList('list', ...revoked);
}

function strangersList() {
  const strangers = new Certificates('stranger');
  try {
    return strangers.revocationList('list');
  } finally {
    strangers.remove();
  }
}

const refused = {
  secureContext: () => tls.createSecureContext({ ca }),
  pskCallback: () => () => null,
  socket: () => new tls.TLSSocket(),
};
for (const [name, value] of Object.entries(refused)) {
  test(`${name} is refused, and nothing is connected`, async () => {
    const options = { ca, [name]: value() };
    const clients = await withTls(broker, server, async (port) => {
      await assert.rejects(libraries.ours.connect(`amqps://localhost:${port}`, options), {
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_VALUE',
        message: new RegExp(`'${name}'`),
      });
    });
    assert.deepEqual(clients, []);
  });
}
