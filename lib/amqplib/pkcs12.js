'use strict';

// A PKCS#12 file (`pfx`, RFC 7292) taken apart into what TLS needs. Node's crypto does the cryptography, and has already
// said yes to file and passphrase (tls.createSecureContext) when this reads them, so only well-formed ones come here.

const {
  createDecipheriv,
  createHash,
  createPrivateKey,
  pbkdf2Sync,
  X509Certificate,
} = require('node:crypto');

const SEQUENCE = 0x30;

const OID = {
  data: '2a864886f70d010701',
  encryptedData: '2a864886f70d010706',
  keyBag: '2a864886f70d010c0a0101',
  shroudedKeyBag: '2a864886f70d010c0a0102',
  certificateBag: '2a864886f70d010c0a0103',
  pbes2: '2a864886f70d01050d',
  pbeWithSha1And3Des: '2a864886f70d010c0103',
};
const DIGESTS = {
  '2a864886f70d0207': 'sha1',
  '2a864886f70d0208': 'sha224',
  '2a864886f70d0209': 'sha256',
  '2a864886f70d020a': 'sha384',
  '2a864886f70d020b': 'sha512',
};
const CIPHERS = {
  '2a864886f70d0307': ['des-ede3-cbc', 24],
  '608648016503040102': ['aes-128-cbc', 16],
  '608648016503040116': ['aes-192-cbc', 24],
  '60864801650304012a': ['aes-256-cbc', 32],
};

/** DER's elements in these bytes, one behind another: { tag, content, whole }. */
function elements(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length; ) {
    let length = bytes[at + 1];
    let start = at + 2;
    if (length & 0x80) {
      const octets = length & 0x7f;
      if (octets === 0 || octets > 4) throw new Error('pfx: only DER is supported');
      length = bytes.readUIntBE(start, octets);
      start += octets;
    }
    found.push({
      tag: bytes[at],
      content: bytes.subarray(start, start + length),
      whole: bytes.subarray(at, start + length),
    });
    at = start + length;
  }
  return found;
}

const inside = (element) => elements(element.content);
const oid = (element) => element.content.toString('hex');
const integer = (element) => element.content.readUIntBE(0, element.content.length);

/** SafeContents: key and certificate bags. */
function readBags(bytes, passphrase, into) {
  for (const bag of inside(elements(bytes)[0])) {
    const [id, wrapped] = inside(bag);
    const [value] = inside(wrapped);
    if (oid(id) === OID.keyBag || oid(id) === OID.shroudedKeyBag) {
      into.keys.push(createPrivateKey({ key: value.whole, format: 'der', type: 'pkcs8', passphrase }));
    } else if (oid(id) === OID.certificateBag) {
      into.certificates.push(inside(inside(value)[1])[0].content);
    }
  }
}

function decrypt(algorithm, bytes, passphrase) {
  const [id, parameters] = inside(algorithm);
  const { cipher, key, iv } =
    oid(id) === OID.pbes2 ? pbes2(parameters, passphrase) : pbe(id, parameters, passphrase);
  const decipher = createDecipheriv(cipher, key, iv);
  return Buffer.concat([decipher.update(bytes), decipher.final()]);
}

function pbes2(parameters, passphrase) {
  const [derivation, encryption] = inside(parameters);
  const [salt, iterations, ...rest] = inside(inside(derivation)[1]);
  const prf = rest.find(({ tag }) => tag === SEQUENCE);
  const digest = prf ? DIGESTS[oid(inside(prf)[0])] : 'sha1';
  const [id, iv] = inside(encryption);
  const [cipher, length] = CIPHERS[oid(id)] ?? [];
  if (!cipher || !digest) throw new Error('pfx: unsupported encryption of the certificates');
  return {
    cipher,
    key: pbkdf2Sync(passphrase, salt.content, integer(iterations), length, digest),
    iv: iv.content,
  };
}

function pbe(id, parameters, passphrase) {
  if (oid(id) !== OID.pbeWithSha1And3Des) throw new Error('pfx: unsupported encryption of the certificates');
  const [salt, iterations] = inside(parameters);
  const derive = (purpose, length) =>
    pkcs12Key(purpose, passphrase, salt.content, integer(iterations), length);
  return { cipher: 'des-ede3-cbc', key: derive(1, 24), iv: derive(2, 8) };
}

/** RFC 7292, appendix B.2, with SHA-1. */
function pkcs12Key(purpose, passphrase, salt, iterations, length) {
  const BLOCK = 64;
  const fill = (bytes) => {
    const filled = Buffer.alloc(Math.ceil(bytes.length / BLOCK) * BLOCK);
    for (let index = 0; index < filled.length; index++) filled[index] = bytes[index % bytes.length];
    return filled;
  };
  const password = Buffer.from(`${passphrase}\0`, 'utf16le').swap16();
  const input = Buffer.concat([fill(salt), fill(password)]);
  const output = [];
  for (let made = 0; made < length; made += 20) {
    let digest = Buffer.concat([Buffer.alloc(BLOCK, purpose), input]);
    for (let round = 0; round < iterations; round++) digest = createHash('sha1').update(digest).digest();
    output.push(digest);
    // Each block of the input becomes (block + digest + 1) modulo 2^512.
    const addend = Buffer.alloc(BLOCK);
    for (let index = 0; index < BLOCK; index++) addend[index] = digest[index % digest.length];
    for (let start = 0; start < input.length; start += BLOCK) {
      let carry = 1;
      for (let index = BLOCK - 1; index >= 0; index--) {
        carry += input[start + index] + addend[index];
        input[start + index] = carry & 0xff;
        carry >>= 8;
      }
    }
  }
  return Buffer.concat(output).subarray(0, length);
}

const pem = (der) =>
  `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;

/** `{ key, cert, ca }` in PEM: the private key, its certificate with the chain behind it, all the other certificates. */
function readPkcs12(pfx, passphrase = '') {
  const found = { keys: [], certificates: [] };
  const authenticatedSafe = inside(inside(inside(elements(pfx)[0])[1])[1])[0];
  for (const part of inside(elements(authenticatedSafe.content)[0])) {
    const [type, wrapped] = inside(part);
    const [content] = inside(wrapped);
    if (oid(type) === OID.data) {
      readBags(content.content, passphrase, found);
    } else if (oid(type) === OID.encryptedData) {
      const [, algorithm, bytes] = inside(inside(content)[1]);
      readBags(decrypt(algorithm, bytes.content, passphrase), passphrase, found);
    }
  }
  return arrange(found);
}

function arrange({ keys: [key], certificates }) {
  const own = certificates.find((der) => key && new X509Certificate(der).checkPrivateKey(key));
  const others = certificates.filter((der) => der !== own).map(pem);
  return {
    key: key?.export({ type: 'pkcs8', format: 'pem' }),
    cert: own && [pem(own), ...others].join(''),
    ca: others,
  };
}

module.exports = { elements, readPkcs12 };
