'use strict';

// From Node's normalised options to what native takes.

const [IGNORE, PIPE, SAME_AS_STDOUT, INVALID, WIDE_PIPE] = [-1, -2, -3, -4, -5];

// Node 22 and later start an asynchronous child with nothing in the place of an argument that has no text.
const takesAllArguments = Number.parseInt(process.versions.node, 10) >= 22;

const textOf = (value) => `${value}`;

function textOrNothing(value) {
  try {
    return textOf(value);
  } catch {
    return '';
  }
}

/** Of an asynchronous child. */
function toNativeSpawn(options, deathSignal) {
  const native = toNative(options, deathSignal, takesAllArguments ? textOrNothing : textOf);
  // Nothing said, while no synchronous child can be in a directory without a name.
  if (native.cwd === '') native.cwd = undefined;
  return native;
}

function toNative({ file, args = [], envPairs, cwd, uid, gid, detached }, deathSignal, toText = textOf) {
  return {
    file: cutAtNull(file),
    args: pack(args, toText),
    env: envPairs && pack(envPairs, textOf),
    cwd: cwd == null ? undefined : cutAtNull(cwd),
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
  if (fd === undefined) return entry.ipc ? WIDE_PIPE : PIPE;
  // libuv's rules: -1 is what a closed stream has, other negative numbers are nothing.
  if (fd === -1) return INVALID;
  return fd < 0 ? IGNORE : fd;
}

// A NUL ends each entry; what is not a string is made one, as Node's native side does.
function pack(list, toText) {
  let packed = '';
  for (const item of list) packed += `${cutAtNull(item, toText)}\0`;
  return packed;
}

function cutAtNull(value, toText = textOf) {
  const text = typeof value === 'string' ? value : toText(value);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

module.exports = { descriptorOf, toNative, toNativeSpawn };
