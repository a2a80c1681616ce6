'use strict';

// amqps: beside amqplib, which uses node:tls: whichever certificate a server shows and whatever the options say, both end
// alike: connected, with the same note of what is wrong, or with the same error.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { after, before, test } = require('node:test');
const net = require('node:net');
const tls = require('node:tls');

const { CertificateMaker } = require('../../support/certificate-maker');
const { acceptPeer } = require('../../support/scripted-peer');
const { ours, original } = require('./side-by-side');

const maker = new CertificateMaker();
const AUTHORITY = ['basicConstraints=critical,CA:TRUE', 'subjectKeyIdentifier=hash'];
const LOCAL = 'subjectAltName=DNS:localhost';
// A line of OpenSSL's source, a thread's number.
const VARYING = /^[0-9A-F]+:|:[^:]*\.c:\d+:/g;

let made;

before(() => {
  const root = maker.issue('root', { extensions: AUTHORITY });
  const other = maker.issue('other', { extensions: AUTHORITY });
  const leaf = (name, options = {}) =>
    maker.issue(name, { issuer: root, ...options, extensions: options.extensions ?? [LOCAL] });
  const below = (name, extensions) => {
    const middle = maker.issue(`${name}-middle`, { issuer: root, extensions });
    const end = maker.issue(`${name}-end`, { issuer: middle, extensions: [LOCAL] });
    return { ...end, cert: end.cert + middle.cert, alone: end.cert, middle };
  };
  const own = (name, extensions, options) =>
    maker.issue(name, { ...options, subject: `/CN=localhost/O=${name}`, extensions: [LOCAL, ...extensions] });
  const deepest = maker.issue('deep-1', {
    issuer: root,
    extensions: ['basicConstraints=critical,CA:TRUE,pathlen:0'],
  });
  const deeper = maker.issue('deep-2', { issuer: deepest, extensions: AUTHORITY });
  const deep = maker.issue('deep-3', { issuer: deeper, extensions: [LOCAL] });
  made = {
    root,
    other,
    good: leaf('good'),
    expired: leaf('expired', { from: -10, to: -5 }),
    future: leaf('future', { from: 5, to: 10 }),
    wrongHost: leaf('wrong-host', { extensions: ['subjectAltName=DNS:elsewhere.test'] }),
    wildcard: leaf('wildcard', { extensions: ['subjectAltName=DNS:*.example.test'] }),
    address: leaf('address', { extensions: ['subjectAltName=IP:127.0.0.1'] }),
    nameOnly: leaf('name-only', { subject: '/CN=localhost', extensions: ['basicConstraints=CA:FALSE'] }),
    otherNameOnly: leaf('other-name-only', { extensions: ['basicConstraints=CA:FALSE'] }),
    forClients: leaf('for-clients', { extensions: [LOCAL, 'extendedKeyUsage=clientAuth'] }),
    forServers: leaf('for-servers', { extensions: [LOCAL, 'extendedKeyUsage=serverAuth'] }),
    forLists: leaf('for-lists', { extensions: [LOCAL, 'keyUsage=critical,cRLSign'] }),
    strange: leaf('strange', { extensions: [LOCAL, '1.2.3.4=critical,ASN1:UTF8String:x'] }),
    sha1: leaf('sha1', { digest: 'sha1' }),
    small: leaf('small', { key: 'rsa-1024' }),
    rsa: leaf('rsa', { key: 'rsa' }),
    p384: leaf('p384', { key: 'ec-384' }),
    ed25519: leaf('ed25519', { key: 'ed25519' }),
    stranger: maker.issue('stranger', { issuer: other, extensions: [LOCAL] }),
    client: leaf('client'),
    middle: below('middle', AUTHORITY),
    noAuthority: below('no-authority', ['basicConstraints=CA:FALSE']),
    noSigner: below('no-signer', [...AUTHORITY, 'keyUsage=critical,digitalSignature']),
    constrained: below('constrained', [...AUTHORITY, 'nameConstraints=critical,permitted;DNS:example.test']),
    middleForClients: below('middle-for-clients', [...AUTHORITY, 'extendedKeyUsage=clientAuth']),
    oldMiddle: (() => {
      const middle = maker.issue('old-middle', { issuer: root, extensions: AUTHORITY, from: -10, to: -5 });
      const end = maker.issue('old-end', { issuer: middle, extensions: [LOCAL] });
      return { ...end, cert: end.cert + middle.cert };
    })(),
    deep: { ...deep, cert: deep.cert + deeper.cert + deepest.cert },
    own: own('own', AUTHORITY),
    ownPlain: own('own-plain', ['basicConstraints=CA:FALSE']),
    ownForClients: own('own-for-clients', [...AUTHORITY, 'extendedKeyUsage=clientAuth']),
    ownForCode: own('own-for-code', [...AUTHORITY, 'extendedKeyUsage=codeSigning']),
    ownForSigning: own('own-for-signing', [...AUTHORITY, 'keyUsage=critical,keyCertSign,cRLSign']),
    ownExpired: own('own-expired', AUTHORITY, { from: -10, to: -5 }),
    ownSmall: own('own-small', AUTHORITY, { key: 'rsa-1024' }),
  };
});
after(() => maker.remove());

/** A TLS server with a peer of AMQP's behind it; calls `use(port)`. */
async function withServer(options, use) {
  const sockets = new Set();
  const server = tls.createServer(options, (socket) => acceptPeer(socket));
  server.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
  server.on('tlsClientError', () => {});
  return listenFor(server, sockets, use);
}

async function withRaw(behave, use) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    behave(socket);
  });
  return listenFor(server, sockets, use);
}

async function listenFor(server, sockets, use) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await use(server.address().port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

async function outcome(library, port, { host = 'localhost', ...options }) {
  try {
    const connection = await library.connect(`amqps://${host}:${port}`, options);
    const { stream } = connection.connection;
    const seen = {
      authorized: stream.authorized,
      authorizationError: stream.authorizationError,
      version: stream.getProtocol(),
      cipher: stream.getCipher(),
      protocol: stream.alpnProtocol,
      subject: { ...stream.getPeerCertificate().subject },
      fingerprints: fingerprints(stream.getPeerCertificate(true)),
    };
    await connection.close();
    return seen;
  } catch (error) {
    const { message, ...rest } = error;
    const { stack, stackAtStateChange, opensslErrorStack, ...others } = rest;
    if ('port' in others) others.port = others.port === port ? 'PORT' : others.port;
    return { class: error.name, message: message.replaceAll(VARYING, ':'), ...others };
  }
}

function fingerprints(certificate) {
  const found = [];
  for (let at = certificate; at && !found.includes(at.fingerprint256); at = at.issuerCertificate) {
    found.push(at.fingerprint256);
  }
  return found;
}

function alike(name, serverOf, clientOf, expected) {
  test(name, async () => {
    const options = { ca: made.root.cert, ...clientOf?.(made) };
    const [theirs, actual] = await withServer(serverOf(made), async (port) => [
      await outcome(original.promise, port, { ...options }),
      await outcome(ours.promise, port, { ...options }),
    ]);
    assert.deepEqual(actual, theirs);
    if (expected === undefined) return;
    if (expected === 'connected') assert.equal(typeof actual.authorized, 'boolean');
    else assert.match(String(actual.code ?? actual.message), expected);
  });
}

const shows =
  (name, more = {}) =>
  (all) => ({ cert: all[name].cert, key: all[name].key, ...more });
const only12 = { maxVersion: 'TLSv1.2' };

alike('a good certificate', shows('good'), undefined, 'connected');
alike('TLS 1.2', shows('good'), () => only12, 'connected');
alike('expired', shows('expired'), undefined, /^CERT_HAS_EXPIRED$/);
alike('not yet valid', shows('future'), undefined, /^CERT_NOT_YET_VALID$/);
alike('for another host', shows('wrongHost'), undefined, /^ERR_TLS_CERT_ALTNAME_INVALID$/);
alike('a wildcard', shows('wildcard'), () => ({ servername: 'a.example.test' }), 'connected');
alike('a wildcard for one label', shows('wildcard'), () => ({ servername: 'a.b.example.test' }), /ALTNAME/);
alike('an address', shows('address'), () => ({ host: '127.0.0.1' }), 'connected');
alike('an address that is not named', shows('good'), () => ({ host: '127.0.0.1' }), /ALTNAME/);
alike('a name that is not named', shows('address'), undefined, /ALTNAME/);
alike('no alternative names, the common name', shows('nameOnly'), undefined, 'connected');
alike('no alternative names, another common name', shows('otherNameOnly'), undefined, /ALTNAME/);
alike('of another authority', shows('stranger'), undefined, /^UNABLE_TO_VERIFY_LEAF_SIGNATURE$/);
alike('without ca', shows('good'), () => ({ ca: undefined }), /^UNABLE_TO_VERIFY_LEAF_SIGNATURE$/);
alike('an empty ca', shows('good'), () => ({ ca: [] }));
alike('only for clients', shows('forClients'), undefined, /^INVALID_PURPOSE$/);
alike('only for servers', shows('forServers'), undefined, 'connected');
alike('only for lists', shows('forLists'), undefined, /^INVALID_PURPOSE$/);
alike('with a critical extension nobody knows', shows('strange'));
alike('signed with SHA-1', shows('sha1', { ciphers: 'DEFAULT@SECLEVEL=0' }));
alike('signed with SHA-1, at level 0', shows('sha1', { ciphers: 'DEFAULT@SECLEVEL=0' }), () => ({
  ciphers: 'DEFAULT@SECLEVEL=0',
}));
alike('a small key', shows('small', { ciphers: 'DEFAULT@SECLEVEL=0' }));
alike('a small key, at level 0', shows('small', { ciphers: 'DEFAULT@SECLEVEL=0' }), () => ({
  ciphers: 'DEFAULT@SECLEVEL=0',
}));
alike('RSA', shows('rsa'), undefined, 'connected');
alike('P-384', shows('p384'), undefined, 'connected');
alike('Ed25519', shows('ed25519'), undefined, 'connected');

alike('with its intermediate', shows('middle'), undefined, 'connected');
alike(
  'without its intermediate',
  ({ middle }) => ({ cert: middle.alone, key: middle.key }),
  undefined,
  /^UNABLE_TO_VERIFY_LEAF_SIGNATURE$/,
);
alike(
  'the intermediate is known',
  ({ middle }) => ({ cert: middle.alone, key: middle.key }),
  (all) => ({
    ca: [all.root.cert, all.middle.middle.cert],
  }),
  'connected',
);
alike('only the intermediate is known', shows('middle'), (all) => ({ ca: all.middle.middle.cert }));
alike('only the intermediate is known, and may do', shows('middle'), (all) => ({
  ca: all.middle.middle.cert,
  allowPartialTrustChain: true,
}));
alike(
  'the root comes along',
  (all) => ({ cert: all.middle.cert + all.root.cert, key: all.middle.key }),
  undefined,
  'connected',
);
alike(
  'an unknown root comes along',
  (all) => ({ cert: all.stranger.cert + all.other.cert, key: all.stranger.key }),
  undefined,
  /^SELF_SIGNED_CERT_IN_CHAIN$/,
);
alike('the chain is out of order', (all) => ({
  cert: all.deep.cert.replace('-----END CERTIFICATE-----\n', (end) => end + all.root.cert),
  key: all.deep.key,
}));
alike(
  'an intermediate that is no authority',
  shows('noAuthority'),
  undefined,
  /^INVALID_CA$|^INVALID_PURPOSE$/,
);
alike('an intermediate that may not sign', shows('noSigner'));
alike('an intermediate for other names', shows('constrained'));
alike('an intermediate for clients', shows('middleForClients'));
alike('an expired intermediate', shows('oldMiddle'), undefined, /^CERT_HAS_EXPIRED$/);
alike('too long a path', shows('deep'), undefined, /^PATH_LENGTH_EXCEEDED$/);

for (const [name, code] of [
  ['own', 'connected'],
  ['ownPlain', 'connected'],
  ['ownForClients', /^INVALID_PURPOSE$/],
  ['ownForCode', /^INVALID_PURPOSE$/],
  ['ownForSigning', /^INVALID_PURPOSE$/],
  ['ownExpired', /^CERT_HAS_EXPIRED$/],
]) {
  alike(`signed by itself and known: ${name}`, shows(name), (all) => ({ ca: all[name].cert }), code);
}
alike(
  'signed by itself and known: a small key',
  shows('ownSmall', { ciphers: 'DEFAULT@SECLEVEL=0' }),
  (all) => ({
    ca: all.ownSmall.cert,
  }),
);
alike('signed by itself and unknown', shows('own'), undefined, /^DEPTH_ZERO_SELF_SIGNED_CERT$/);

alike('on no list', shows('good'), ({ root }) => ({ crl: maker.list(root) }), 'connected');
alike('revoked', shows('good'), ({ root, good }) => ({ crl: [maker.list(root, [good])] }), /^CERT_REVOKED$/);
alike("another's list", shows('good'), ({ other }) => ({ crl: maker.list(other) }), /^UNABLE_TO_GET_CRL$/);
alike(
  'a list of the past',
  shows('good'),
  ({ root }) => ({ crl: maker.list(root, [], -2) }),
  /^CRL_HAS_EXPIRED$/,
);
alike(
  'no list of the intermediate',
  shows('middle'),
  ({ root }) => ({ crl: maker.list(root) }),
  /^UNABLE_TO_GET_CRL$/,
);
alike(
  'the intermediate is revoked',
  shows('middle'),
  ({ root, middle }) => ({ crl: [maker.list(root, [middle.middle]), maker.list(middle.middle)] }),
  /^CERT_REVOKED$/,
);
alike(
  'revoked by itself',
  shows('own'),
  ({ own }) => ({ ca: own.cert, crl: maker.list(own, [own]) }),
  /^CERT_REVOKED$/,
);
alike('its own clean list', shows('own'), ({ own }) => ({ ca: own.cert, crl: maker.list(own) }), 'connected');
alike(
  "its own, and another's list",
  shows('own'),
  ({ own, other }) => ({ ca: own.cert, crl: maker.list(other) }),
  /CRL/,
);
alike('a list that is none', shows('good'), () => ({ crl: 'x' }));

for (const name of ['expired', 'wrongHost', 'stranger', 'ownForClients', 'good']) {
  alike(`any will do: ${name}`, shows(name), () => ({ rejectUnauthorized: false }), 'connected');
}
alike(
  'rejectUnauthorized undefined',
  shows('expired'),
  () => ({ rejectUnauthorized: undefined }),
  /^CERT_HAS_EXPIRED$/,
);
alike(
  'checkServerIdentity accepts',
  shows('wrongHost'),
  () => ({ checkServerIdentity: () => undefined }),
  'connected',
);
alike(
  'checkServerIdentity refuses',
  shows('good'),
  () => ({
    checkServerIdentity: (host, { subject }) =>
      Object.assign(new Error(`${host} ${subject.CN}`), { code: 'PINNED' }),
  }),
  /^PINNED$/,
);
alike(
  'checkServerIdentity is not asked of what is not trusted',
  shows('expired'),
  () => ({
    checkServerIdentity: () => new Error('asked'),
  }),
  /^CERT_HAS_EXPIRED$/,
);
alike('a servername', shows('wrongHost'), () => ({ servername: 'elsewhere.test' }), 'connected');
alike('a servername that is an address', shows('address'), () => ({ servername: '127.0.0.1' }));

const wants = (name, more) => (all) => ({
  ...shows(name)(all),
  requestCert: true,
  rejectUnauthorized: true,
  ca: all.root.cert,
  ...more,
});
alike('a certificate is wanted and missing, TLS 1.2', wants('good', only12));
alike('a certificate is wanted and missing, TLS 1.3', wants('good'));
alike(
  'a certificate is wanted and shown',
  wants('good'),
  ({ client: { cert, key } }) => ({ cert, key }),
  'connected',
);
alike("another's certificate is shown", wants('good', only12), ({ stranger: { cert, key } }) => ({
  cert,
  key,
}));
alike(
  'the key is encrypted',
  wants('good'),
  ({ client }) => ({
    cert: client.cert,
    key: maker.encryptedKey(client, 'open'),
    passphrase: 'open',
  }),
  'connected',
);
alike('the key is encrypted, the passphrase wrong', wants('good'), ({ client }) => ({
  cert: client.cert,
  key: maker.encryptedKey(client, 'open'),
  passphrase: 'shut',
}));
alike(
  'keys and certificates of two kinds',
  wants('rsa'),
  ({ client, rsa }) => ({
    cert: [client.cert, rsa.cert],
    key: [client.key, { pem: rsa.key }],
  }),
  'connected',
);
const OLD_PFX = ['-certpbe', 'PBE-SHA1-3DES', '-keypbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'];
const PFX = {
  'AES-256': [],
  '3DES': OLD_PFX,
  'RC2-40': ['-legacy'],
  'AES-128, SHA-512': ['-certpbe', 'AES-128-CBC', '-keypbe', 'AES-128-CBC', '-macalg', 'sha512'],
  'nothing encrypted': ['-certpbe', 'NONE', '-keypbe', 'NONE'],
  'no MAC': ['-nomac'],
};
for (const [name, how] of Object.entries(PFX)) {
  alike(`a pfx: ${name}`, wants('good'), ({ client }) => ({
    pfx: maker.pfx(client, '-passout', 'pass:open', ...how),
    passphrase: 'open',
  }));
}
alike(
  'a pfx without passphrase',
  wants('good'),
  ({ client }) => ({ pfx: maker.pfx(client, '-passout', 'pass:') }),
  'connected',
);
alike(
  'a pfx of a list, with its passphrase',
  wants('good'),
  ({ client }) => ({
    pfx: [{ buf: maker.pfx(client, '-passout', 'pass:open'), passphrase: 'open' }],
  }),
  'connected',
);

alike('a cipher', shows('rsa'), () => ({ ...only12, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }), 'connected');
alike(
  'a cipher of old',
  shows('rsa', { ciphers: 'AES128-SHA' }),
  () => ({ ...only12, ciphers: 'AES128-SHA' }),
  'connected',
);
alike('a cipher that the server has not', shows('rsa', { ciphers: 'AES256-SHA', ...only12 }), () => ({
  ciphers: 'AES128-SHA',
}));
alike('no such cipher', shows('rsa'), () => ({ ciphers: 'rubbish' }));
alike(
  'Diffie-Hellman',
  shows('rsa', { dhparam: 'auto', ciphers: 'DHE-RSA-AES128-GCM-SHA256' }),
  () => ({
    ...only12,
    ciphers: 'DHE-RSA-AES128-GCM-SHA256',
  }),
  'connected',
);
alike(
  'too small a Diffie-Hellman key',
  shows('rsa', { dhparam: 'auto', ciphers: 'DHE-RSA-AES128-GCM-SHA256' }),
  () => ({
    ...only12,
    ciphers: 'DHE-RSA-AES128-GCM-SHA256',
    minDHSize: 8192,
  }),
  /^ERR_TLS_DH_PARAM_SIZE$/,
);
alike('a curve', shows('good', { ecdhCurve: 'P-384' }), () => ({ ecdhCurve: 'P-384' }), 'connected');
alike('a curve that the server has not', shows('good', { ecdhCurve: 'P-384' }), () => ({
  ecdhCurve: 'X25519',
}));
alike('signature algorithms', shows('rsa'), () => ({ sigalgs: 'rsa_pss_rsae_sha256' }), 'connected');
alike('signature algorithms that the server has not', shows('rsa'), () => ({
  sigalgs: 'ecdsa_secp256r1_sha256',
}));
alike('versions that do not meet', shows('good', { minVersion: 'TLSv1.3' }), () => only12);
alike(
  'versions of old',
  shows('rsa', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
  () => ({
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  }),
);
alike('secureProtocol', shows('good'), () => ({ secureProtocol: 'TLSv1_2_method' }), 'connected');
alike('no such version', shows('good'), () => ({ minVersion: 'SSLv9' }));
alike(
  'a protocol',
  shows('good', { ALPNProtocols: ['amqp'] }),
  () => ({ ALPNProtocols: ['x', 'amqp'] }),
  'connected',
);
alike('a protocol that the server has not', shows('good', { ALPNProtocols: ['amqp'] }), () => ({
  ALPNProtocols: ['x'],
}));
alike('a protocol that no server asked for', shows('good'), () => ({ ALPNProtocols: ['x'] }), 'connected');

test('over a UNIX socket', async () => {
  const { root, good } = made;
  const path = maker.file('socket');
  const sockets = new Set();
  const server = tls.createServer({ cert: good.cert, key: good.key }, (socket) => acceptPeer(socket));
  server.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
  server.on('tlsClientError', () => {});
  server.listen(path);
  await once(server, 'listening');
  for (const options of [{ ca: root.cert, path }, { path }]) {
    const theirs = await outcome(original.promise, 1, { ...options });
    assert.deepEqual(await outcome(ours.promise, 1, { ...options }), theirs);
  }
  for (const socket of sockets) socket.destroy();
  server.close();
});

const RAW = {
  'ends at once': (socket) => socket.end(),
  'ends when spoken to': (socket) => socket.once('data', () => socket.end()),
  'speaks AMQP': (socket) => socket.write('AMQP\0\0\x09\x01'),
  'speaks HTTP': (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  'sends an alert': (socket) => socket.once('data', () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, 70]))),
};
for (const [name, behave] of Object.entries(RAW)) {
  test(`a peer that ${name}`, async () => {
    const [theirs, actual] = await withRaw(behave, async (port) => [
      await outcome(original.promise, port, {}),
      await outcome(ours.promise, port, {}),
    ]);
    assert.deepEqual(actual, theirs);
  });
}
