'use strict';

// amqplib's errors: texts, codes, the class for misuse. Programs match on them.

const { NodeAggregateError, exceptionWithHostPort, errnoException } = require('../internal/system-errors');
const { REPLY_CODES, methodName } = require('./methods');

// The first lines of a stack are ours, not the caller's.
function callerLines(count) {
  return new Error().stack
    .split('\n')
    .slice(count + 1)
    .join('\n');
}

function IllegalOperationError(message, stackAtStateChange) {
  this.message = message;
  this.stack = `${this.toString()}\n${callerLines(2)}`;
  this.stackAtStateChange = stackAtStateChange;
}
Object.setPrototypeOf(IllegalOperationError.prototype, Error.prototype);
Object.setPrototypeOf(IllegalOperationError, Error);
IllegalOperationError.prototype.name = 'IllegalOperationError';

/** A note of where a channel or connection changed its state, for the errors of later use. */
function stackCapture(reason) {
  return `Stack capture: ${reason}\n${callerLines(2)}`;
}

function closeMessage({ replyCode, replyText }) {
  return `${replyCode} (${REPLY_CODES[replyCode]}) with message "${replyText}"`;
}

// What amqplib takes for the method of a header frame.
const HEADER_ID = 60;

/** A frame in an error's text. amqplib's body frames have no size to tell. */
function describeFrame({ id, channel, size = NaN }) {
  if (!id) return `<Content channel:${channel} size:${size}>`;
  return `<${id === HEADER_ID ? 'BasicProperties' : methodName(id)} channel:${channel}>`;
}

/** The error of a server's close, with what it says as numbers. */
function closeError(text, { replyCode, classId, methodId }) {
  return Object.assign(new Error(text), { code: replyCode, classId, methodId });
}

/** What a pending operation is rejected with when the server closes its channel instead of answering. */
function operationError(method, close) {
  const isCause = method.classId === close.classId && method.methodId === close.methodId;
  const prefix = isCause ? `Operation failed: ${method.name}; ` : 'Channel closed by server: ';
  return closeError(prefix + closeMessage(close), close);
}

// Scope of the engine's failures, see src/amqp/client/failure.rs.
const MAKERS = [
  connectError,
  () => new Error('connect ETIMEDOUT'),
  tlsError,
  ({ code, text }) =>
    new Error(`Handshake terminated by server: ${closeMessage({ replyCode: code, replyText: text })}`),
  unexpectedInHandshake,
  ({ text }) => new Error(`SASL mechanism ${text} is not provided by the server`),
  ({ code, text }) => new Error(`${text} frameMax ${code} is below the protocol minimum 4096`),
  socketError,
  () => new Error('Heartbeat timeout'),
  ({ text, code }) => new Error(text, spoken(code)),
  ({ code }) => new Error('Socket closed abruptly during opening handshake', spoken(code)),
  tlsEnded,
];

// What a peer in place of a broker has answered with (src/amqp/client/handshake.rs).
const SPOKEN = {
  1: 'The peer speaks TLS: its URL begins with amqps:',
  2: "The peer speaks HTTP: this is the port of a web server, or of the broker's management",
};

/** The cause, when it is known. amqplib's text says nothing of it. */
const spoken = (code) => (SPOKEN[code] === undefined ? undefined : { cause: new Error(SPOKEN[code]) });

/** amqplib's error for {scope, code, text, classId, methodId, channel} of a connection with these options. */
const failureError = (failure, options) => MAKERS[failure.scope](failure, options);

// See Scope::Connect there. A line for each attempt; a path may contain newlines too.
const BETWEEN_ATTEMPTS = /\n(?=(?:connect|bind) \d+ )/;
const ATTEMPT = /^(connect|bind) (\d+) (.*?)(?: (\d+)(?: (\S+) (\d+))?)?$/s;

function connectError({ text }) {
  const errors = text
    .replace(/\n$/, '')
    .split(BETWEEN_ATTEMPTS)
    .map((line) => {
      const [, syscall, errno, address, port, localAddress, localPort] = ATTEMPT.exec(line);
      const error = (local) =>
        exceptionWithHostPort(-errno, syscall, address, Number(port) || undefined, local);
      if (localPort === undefined) return error();
      return Object.assign(error(`${localAddress}:${localPort}`), {
        localAddress,
        localPort: Number(localPort),
      });
    });
  return errors.length === 1 ? errors[0] : new NodeAggregateError(errors);
}

// What OpenSSL's library reports, as Node makes an error of it: the code out of the reason.
function tlsError({ text }) {
  const [library, reason, ...message] = text.split('\n');
  const error = new Error(message.join('\n'));
  if (library) error.library = library;
  if (reason) {
    error.reason = reason;
    error.code = `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
  }
  return error;
}

function tlsEnded(_, { path, host, port, localAddress }) {
  const text = 'Client network socket disconnected before secure TLS connection was established';
  return Object.assign(new Error(text), { code: 'ECONNRESET', path, host, port, localAddress });
}

function socketError({ code, text }) {
  if (code > 0) return errnoException(-code, 'read');
  return new Error(text || 'Unexpected close');
}

function unexpectedInHandshake({ code, classId, methodId, channel }) {
  const id = classId * 0x10000 + methodId;
  const got = describeFrame({ id, channel });
  if (channel !== 0 || id === 0) return new Error(`Frame on channel != 0 during handshake: ${got}`);
  const EXPECTED_TUNE = 30;
  const SECURE = 20;
  if (code === SECURE) return new Error("Wasn't expecting to have to go through secure");
  if (code === EXPECTED_TUNE) {
    return new Error(
      `Expected connection.secure, connection.close, or connection.tune during handshake; got ${got}`,
    );
  }
  return new Error(`Expected ${methodName(10 * 0x10000 + code)}; got ${got}`);
}

module.exports = {
  HEADER_ID,
  IllegalOperationError,
  closeError,
  closeMessage,
  describeFrame,
  failureError,
  operationError,
  stackCapture,
};
