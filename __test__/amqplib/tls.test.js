'use strict';

// amqps: with RabbitMQ, ours beside amqplib: the same options succeed, and the same fail with the same error.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { startRabbitmq } = require('../../scripts/rabbitmq-server');
const { ownRabbitmq } = require('../support/rabbitmq');

const libraries = { original: require('amqplib'), ours: require('../../lib/amqplib') };

// The guest of the client certificate logs in by it, without a password.
const CONFIG = `
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = EXTERNAL
ssl_cert_login_from = common_name
`;

/** Certificates as RabbitMQ's script makes them, in the other forms that tls.connect takes. */
function moreCertificates({ ca, cert, key }) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-tls-'));
  const file = (name) => path.join(folder, name);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
  const pfx = (name, ...how) => {
    openssl('pkcs12', '-export', '-in', cert, '-inkey', key, '-out', file(name), ...how);
    return fs.readFileSync(file(name));
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-subj',
    '/CN=x',
    '-keyout',
    file('other.key'),
    '-out',
    file('other.pem'),
  );
  openssl('pkcs8', '-topk8', '-in', key, '-out', file('encrypted.key'), '-passout', 'pass:open');
  const withAuthority = ['-certfile', ca, '-passout', 'pass:open'];
  const made = {
    ca: fs.readFileSync(ca),
    cert: fs.readFileSync(cert),
    key: fs.readFileSync(key),
    encryptedKey: fs.readFileSync(file('encrypted.key')),
    pfx: pfx('now.pfx', ...withAuthority),
    // What OpenSSL wrote before version 3, and Windows does.
    oldPfx: pfx(
      'old.pfx',
      ...withAuthority,
      '-certpbe',
      'PBE-SHA1-3DES',
      '-keypbe',
      'PBE-SHA1-3DES',
      '-macalg',
      'sha1',
    ),
    barePfx: pfx('bare.pfx', '-passout', 'pass:'),
    otherCert: fs.readFileSync(file('other.pem')),
    otherKey: fs.readFileSync(file('other.key')),
  };
  fs.rmSync(folder, { recursive: true });
  return made;
}

/** A listener beside the configured one that insists on a client's certificate; resolves with its URL. */
async function listenStrictly(rabbitmq) {
  const { ca, serverCert, serverKey } = rabbitmq.tls;
  const files = `{cacertfile,"${ca}"},{certfile,"${serverCert}"},{keyfile,"${serverKey}"}`;
  const options = `[${files},{verify,verify_peer},{fail_if_no_peer_cert,true}]`;
  // The kernel chooses the port, RabbitMQ goes on to call the listener 0.
  const port = await rabbitmq.ctl(
    'eval',
    `ok = rabbit_networking:start_ssl_listener({"127.0.0.1", 0}, ${options}, 1),
     ranch:get_port({acceptor, {127, 0, 0, 1}, 0}).`,
  );
  return `amqps://localhost:${Number(port)}`;
}

// A message is sent to ourselves, so that "connected" means that it works.
async function use(library, url, options) {
  const connection = await library.connect(url, options);
  try {
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    channel.sendToQueue(queue, Buffer.alloc(100_000, 'x'));
    const { content } = await channel.get(queue, { noAck: true });
    assert.equal(content.length, 100_000);
  } finally {
    await connection.close();
  }
}

/** How it ends: "works", or the error as plain data. */
async function outcome(library, url, options) {
  try {
    await use(library, url, options);
    return 'works';
  } catch (error) {
    const { stack, message, opensslErrorStack, ...rest } = error;
    // What OpenSSL's library reports has a thread's number and a line of its source in the message.
    return { class: error.name, message: error.library ? undefined : message, ...rest };
  }
}

describe('amqps', ownRabbitmq, () => {
  let rabbitmq;
  let strictUrl;
  let made;

  before(async () => {
    rabbitmq = await startRabbitmq({ tls: true, config: CONFIG, plugins: ['rabbitmq_auth_mechanism_ssl'] });
    made = moreCertificates(rabbitmq.tls);
    strictUrl = await listenStrictly(rabbitmq);
  });
  after(() => rabbitmq?.stop());

  /** Both libraries end alike; "works", or an error with this code. */
  function alike(name, expected, options, urlOf = () => rabbitmq.tlsUrl) {
    test(name, async () => {
      const given = options();
      const original = await outcome(libraries.original, urlOf(), { ...given });
      const ours = await outcome(libraries.ours, urlOf(), { ...given });
      assert.deepEqual(ours, original);
      if (expected === 'works') assert.equal(ours, 'works');
      else assert.equal(ours.code ?? ours.message, expected);
    });
  }
  const strictly = () => strictUrl;

  alike('a CA makes the server trusted', 'works', () => ({ ca: made.ca }));
  alike('a CA may be text, or one of a list', 'works', () => ({ ca: [made.otherCert, String(made.ca)] }));
  alike(
    'an IP address in place of a name is checked too',
    'works',
    () => ({ ca: made.ca }),
    () => rabbitmq.tlsUrl.replace('localhost', '127.0.0.1'),
  );
  alike('without the CA the server is not trusted', 'SELF_SIGNED_CERT_IN_CHAIN', () => ({}));
  alike('with another CA neither', 'SELF_SIGNED_CERT_IN_CHAIN', () => ({ ca: made.otherCert }));
  alike('with rejectUnauthorized false any server will do', 'works', () => ({
    ca: made.otherCert,
    rejectUnauthorized: false,
    servername: 'elsewhere.test',
  }));
  alike('servername is what the certificate is checked for', 'works', () => ({
    ca: made.ca,
    servername: 'localhost',
  }));
  alike('a certificate for another name is refused', 'ERR_TLS_CERT_ALTNAME_INVALID', () => ({
    ca: made.ca,
    servername: 'elsewhere.test',
  }));
  alike('checkServerIdentity can accept another name', 'works', () => ({
    ca: made.ca,
    servername: 'elsewhere.test',
    checkServerIdentity: () => undefined,
  }));
  alike('checkServerIdentity can refuse', 'PINNED', () => ({
    ca: made.ca,
    checkServerIdentity: (host, { subject }) =>
      Object.assign(new Error(`${subject.CN} at ${host} is not the one`), { code: 'PINNED' }),
  }));
  alike('TLS 1.2 works', 'works', () => ({ ca: made.ca, maxVersion: 'TLSv1.2' }));
  alike('TLS 1.3 works', 'works', () => ({ ca: made.ca, minVersion: 'TLSv1.3' }));
  alike('an unknown version is refused', 'ERR_TLS_INVALID_PROTOCOL_VERSION', () => ({ minVersion: 'SSLv9' }));

  alike(
    'a server that insists gets the client certificate',
    'works',
    () => pick(['ca', 'cert', 'key']),
    strictly,
  );
  alike(
    'an encrypted key is opened with the passphrase',
    'works',
    () => ({ ...pick(['ca', 'cert']), key: made.encryptedKey, passphrase: 'open' }),
    strictly,
  );
  alike(
    'a key may bring its passphrase',
    'works',
    () => ({ ...pick(['ca', 'cert']), key: [{ pem: made.encryptedKey, passphrase: 'open' }] }),
    strictly,
  );
  alike(
    'a pfx stands for key, certificate and CA',
    'works',
    () => ({ pfx: made.pfx, passphrase: 'open' }),
    strictly,
  );
  alike('a pfx of old encryption too', 'works', () => ({ pfx: made.oldPfx, passphrase: 'open' }), strictly);
  alike('a pfx may have no passphrase', 'works', () => ({ ca: made.ca, pfx: made.barePfx }), strictly);
  alike(
    'a pfx may come in a list, with its passphrase',
    'works',
    () => ({ ca: made.ca, pfx: [{ buf: made.pfx, passphrase: 'open' }] }),
    strictly,
  );
  alike(
    'a server that insists refuses a client without certificate',
    'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
    () => ({ ca: made.ca, maxVersion: 'TLSv1.2' }),
    strictly,
  );
  alike(
    'with TLS 1.3 after the handshake',
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    () => ({ ca: made.ca, minVersion: 'TLSv1.3' }),
    strictly,
  );
  alike('a server refuses the certificate of another CA', 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', () => ({
    ca: made.ca,
    cert: made.otherCert,
    key: made.otherKey,
    maxVersion: 'TLSv1.2',
  }));
  alike('EXTERNAL logs in by the certificate', 'works', () => ({
    ...pick(['ca', 'cert', 'key']),
    credentials: libraries.original.credentials.external(),
  }));
  alike(
    'EXTERNAL without a certificate is refused',
    'Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused using authentication mechanism EXTERNAL. For details see the broker logfile."',
    () => ({ ca: made.ca, credentials: libraries.original.credentials.external() }),
  );

  const wrong = {
    'a wrong passphrase': [
      'ERR_OSSL_BAD_DECRYPT',
      () => ({ cert: made.cert, key: made.encryptedKey, passphrase: 'shut' }),
    ],
    'no passphrase': ['ERR_OSSL_BAD_DECRYPT', () => ({ cert: made.cert, key: made.encryptedKey })],
    "a pfx's wrong passphrase": ['mac verify failure', () => ({ pfx: made.pfx, passphrase: 'shut' })],
    'a pfx that is none': ['not enough data', () => ({ pfx: Buffer.from('rubbish'), passphrase: 'open' })],
    "another certificate's key": [
      'ERR_OSSL_X509_KEY_VALUES_MISMATCH',
      () => ({ cert: made.cert, key: made.otherKey }),
    ],
    'a key that is none': ['ERR_OSSL_UNSUPPORTED', () => ({ cert: made.cert, key: 'rubbish' })],
    'a certificate that is none': ['ERR_OSSL_PEM_NO_START_LINE', () => ({ cert: 'rubbish', key: made.key })],
    'ciphers that do not exist': ['ERR_SSL_NO_CIPHER_MATCH', () => ({ ciphers: 'rubbish' })],
  };
  for (const [what, [code, options]] of Object.entries(wrong)) {
    alike(`${what} is refused before anything is sent`, code, () => ({ ca: made.ca, ...options() }));
  }

  alike(
    'amqps: to a port without TLS is an error',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    () => ({ ca: made.ca }),
    () => rabbitmq.url.replace('amqp:', 'amqps:'),
  );

  function pick(names) {
    return Object.fromEntries(names.map((name) => [name, made[name]]));
  }
});
