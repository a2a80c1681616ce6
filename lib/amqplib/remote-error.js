'use strict';

// What a handler of `respond` threw, on its way to whoever asked: a table in the reply's headers.

const HEADER = 'oxipc-error';
// Headers have to fit into one frame, of which 4096 bytes is the smallest.
const LONGEST_TEXT = 1024;

/** `request` rejects with this when the handler failed. */
class RemoteError extends Error {
  constructor({ name, message, code }, reply) {
    super(message);
    if (code !== undefined) this.code = code;
    this.remoteName = name;
    this.reply = reply;
  }
}
Object.defineProperty(RemoteError.prototype, 'name', {
  configurable: true,
  writable: true,
  value: 'RemoteError',
});

const cut = (text) => (text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT - 1)}…` : text);

/** The headers of a reply that says what was thrown. Its stack stays here. */
function errorHeaders(thrown) {
  const isError = thrown instanceof Error;
  const told = { name: cut(isError ? `${thrown.name}` : typeof thrown), message: cut(textOf(thrown)) };
  const code = isError ? thrown.code : undefined;
  if (typeof code === 'string') told.code = cut(code);
  else if (Number.isSafeInteger(code)) told.code = code;
  return { [HEADER]: told };
}

function textOf(thrown) {
  try {
    return thrown instanceof Error ? `${thrown.message}` : String(thrown);
  } catch {
    return 'unprintable';
  }
}

/** The error that a reply carries, undefined when it is an answer. */
function errorOf(reply) {
  const told = reply.properties.headers?.[HEADER];
  // Headers of that name may be somebody else's.
  return told !== null && typeof told === 'object' ? new RemoteError(told, reply) : undefined;
}

module.exports = { RemoteError, errorHeaders, errorOf };
