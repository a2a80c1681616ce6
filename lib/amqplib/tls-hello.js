'use strict';

// What Node's OpenSSL would offer a server under these options, read from the first message that it would send. So cipher
// strings, protocol versions and curves mean here what they mean in tls.connect, whatever OpenSSL is in this Node.

const { Duplex } = require('node:stream');
const tls = require('node:tls');

const HANDSHAKE = 22;
const SUPPORTED_GROUPS = 10;
const SUPPORTED_VERSIONS = 43;
const VERSIONS = { 771: 'TLSv1.2', 772: 'TLSv1.3' };

/** { versions, suites, groups }: names of the versions we have, numbers of the TLS registry for the others. */
function offered(options) {
  const bytes = firstMessage(options);
  // OpenSSL itself finds nothing to offer.
  if (bytes.length === 0 || bytes[0] !== HANDSHAKE) return { versions: [], suites: [], groups: [] };
  // Record header, handshake header, then the legacy version, the random bytes and the session id.
  let at = 5 + 4;
  const legacy = bytes.readUInt16BE(at);
  at += 2 + 32;
  at += 1 + bytes[at];
  const suites = numbers(bytes.subarray(at + 2, at + 2 + bytes.readUInt16BE(at)));
  at += 2 + 2 * suites.length;
  at += 1 + bytes[at];
  const extensions = readExtensions(bytes.subarray(at + 2));
  const versions = extensions.has(SUPPORTED_VERSIONS)
    ? numbers(extensions.get(SUPPORTED_VERSIONS).subarray(1))
    : [legacy];
  return {
    versions: versions.map((version) => VERSIONS[version]).filter(Boolean),
    suites,
    groups: extensions.has(SUPPORTED_GROUPS) ? numbers(extensions.get(SUPPORTED_GROUPS).subarray(2)) : [],
  };
}

function firstMessage({ ciphers, ecdhCurve, minVersion, maxVersion, secureOptions, secureProtocol }) {
  const chunks = [];
  const nowhere = new Duplex({
    read() {},
    write(chunk, _encoding, callback) {
      chunks.push(chunk);
      callback();
    },
  });
  const given = { ciphers, ecdhCurve, minVersion, maxVersion, secureOptions, secureProtocol };
  for (const name in given) if (given[name] === undefined) delete given[name];
  const socket = tls.connect({ ...given, socket: nowhere });
  socket.on('error', () => {});
  socket.destroy();
  nowhere.destroy();
  return Buffer.concat(chunks);
}

function numbers(bytes) {
  return Array.from({ length: bytes.length / 2 }, (_, index) => bytes.readUInt16BE(2 * index));
}

function readExtensions(bytes) {
  const extensions = new Map();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    extensions.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, end));
    at = end;
  }
  return extensions;
}

module.exports = { offered };
