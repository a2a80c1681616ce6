'use strict';

// What can be wrong with messages. The codes are ours, in Node's manner.

const { makeNodeError } = require('../../internal/node-error');

const ERR_MESSAGE_MALFORMED = makeNodeError('ERR_MESSAGE_MALFORMED', Error, 'The peer sent %s');
const ERR_MESSAGE_NO_HANDLER = makeNodeError(
  'ERR_MESSAGE_NO_HANDLER',
  Error,
  'Nobody handles requests on this connection',
);
const ERR_MESSAGE_REQUEST_TIMEOUT = makeNodeError(
  'ERR_MESSAGE_REQUEST_TIMEOUT',
  Error,
  'The request was not answered within %d ms',
);
const ERR_MESSAGE_TOO_LONG = makeNodeError(
  'ERR_MESSAGE_TOO_LONG',
  RangeError,
  (length, maxLength, byPeer) =>
    `${byPeer ? 'The peer sent a' : 'A'} message of ${length} bytes, more than maxLength (${maxLength})`,
);
const ERR_MESSAGE_REQUESTS_UNANSWERED = makeNodeError(
  'ERR_MESSAGE_REQUESTS_UNANSWERED',
  Error,
  'The peer has left %d requests unanswered that were given up',
);
const ERR_MESSAGES_CLOSED = makeNodeError(
  'ERR_MESSAGES_CLOSED',
  Error,
  'The connection for messages is closed',
);

const CODEC_NAMES = ['raw', 'json', 'v8'];

// The faults of src/messages/frame.rs, in their order.
const FAULTS = [
  (length, { maxLength }) => new ERR_MESSAGE_TOO_LONG(length, maxLength, true),
  () => new ERR_MESSAGE_MALFORMED('something else than messages'),
  (version) => new ERR_MESSAGE_MALFORMED(`messages in version ${version} of the format`),
  (codec) => new ERR_MESSAGE_MALFORMED(`messages of codec ${CODEC_NAMES[codec] ?? codec}, which is not ours`),
  (kind) => new ERR_MESSAGE_MALFORMED(`a frame that makes no sense (kind ${kind})`),
  (missing) => new ERR_MESSAGE_MALFORMED(`a part of a message and ended (at least ${missing} bytes missing)`),
  () => new ERR_MESSAGE_MALFORMED('JSON that is not UTF-8'),
];

function faultError(number, detail, options) {
  return FAULTS[number](detail, options);
}

function malformed(what, cause) {
  const error = new ERR_MESSAGE_MALFORMED(what);
  if (cause !== undefined) error.cause = cause;
  return error;
}

function closedError(cause) {
  const error = new ERR_MESSAGES_CLOSED();
  if (cause) error.cause = cause;
  return error;
}

module.exports = {
  ERR_MESSAGE_NO_HANDLER,
  ERR_MESSAGE_REQUEST_TIMEOUT,
  ERR_MESSAGE_REQUESTS_UNANSWERED,
  ERR_MESSAGE_TOO_LONG,
  CODEC_NAMES,
  closedError,
  faultError,
  malformed,
};
