'use strict';

// From Node's normalised options to what native takes.

const [IGNORE, PIPE, SAME_AS_STDOUT, INVALID] = [-1, -2, -3, -4];

function toNative({ file, args = [], envPairs, cwd, uid, gid, detached, deathSignal }) {
  return {
    file: cutAtNull(file),
    args: pack(args),
    env: envPairs && pack(envPairs),
    cwd: cwd == null ? undefined : cutAtNull(String(cwd)) || undefined,
    uid: uid ?? undefined,
    gid: gid ?? undefined,
    detached: Boolean(detached),
    deathSignal,
  };
}

// The entry of native's stdio list for one of `getValidStdio`.
function descriptorOf(entry) {
  if (entry.type === 'ignore') return IGNORE;
  if (entry.type === 'same') return SAME_AS_STDOUT;
  const fd = entry.type === 'wrap' ? entry.handle.fd : entry.fd;
  if (fd === undefined) return PIPE;
  // libuv's rules: -1 is what a closed stream has, other negative numbers are nothing.
  if (fd === -1) return INVALID;
  return fd < 0 ? IGNORE : fd;
}

// A NUL ends each entry; what is not a string is made one, as Node's native side does.
function pack(list) {
  let packed = '';
  for (const item of list) packed += `${cutAtNull(item)}\0`;
  return packed;
}

function cutAtNull(value) {
  const text = typeof value === 'string' ? value : String(value);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

module.exports = { descriptorOf, toNative };
