'use strict';

// net.messages(socket, options): the argument checks. The wire format is in docs/messages.md.

const { Duplex } = require('node:stream');

const { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_SOCKET_CLOSED } = require('../internal/errors');
const { validateInteger, validateObject, validateOneOf } = require('../internal/validators');
const { isInstance } = require('./instances');
const { codecs } = require('./messages/codecs');
const { Messages } = require('./messages/connection');
const { Socket } = require('./socket');

const MAX_LENGTH = 16 * 1024 * 1024;
// V8's longest string, less what may be with it in a batch (BATCH_BYTES in src/messages/batch.rs, and separators).
const MAX_LENGTH_LIMIT = 2 ** 29 - 2 ** 18;
const HIGH_WATER_MARK = 64 * 1024;

// On streams that have messages on them, of whatever copy of this package.
const kCarriesMessages = Symbol.for('oxipc.carriesMessages');

function messages(socket, options = {}) {
  if (!(socket instanceof Duplex)) {
    throw new ERR_INVALID_ARG_TYPE('socket', ['net.Socket', 'stream.Duplex'], socket);
  }
  validateObject(options, 'options');
  const { codec = 'json', maxLength = MAX_LENGTH, highWaterMark = HIGH_WATER_MARK } = options;
  validateOneOf(codec, 'options.codec', Object.keys(codecs));
  validateInteger(maxLength, 'options.maxLength', 1, MAX_LENGTH_LIMIT);
  validateInteger(highWaterMark, 'options.highWaterMark', 1);
  if (socket.readableObjectMode || socket.writableObjectMode || socket.readableEncoding) {
    throw new ERR_INVALID_ARG_VALUE('socket', socket, 'must be a stream of bytes');
  }
  if (socket.destroyed) throw new ERR_SOCKET_CLOSED();
  if (socket[kCarriesMessages]) throw new ERR_INVALID_ARG_VALUE('socket', socket, 'carries messages already');
  Object.defineProperty(socket, kCarriesMessages, { value: true });
  const isOurs = isInstance(socket, Socket);
  return new Messages(socket, { codec: codecs[codec], maxLength, highWaterMark }, isOurs);
}

module.exports = { messages };
