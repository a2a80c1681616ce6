'use strict';

// Errors of failed system calls. `errno` is libuv's negative number, which is what native calls return; names and
// texts come from the running Node. The order of the properties is Node's: inspect shows it.

const { getSystemErrorMap, getSystemErrorName } = require('node:util');

const { ACCESS_DENIED, accessDenied } = require('./permission');
const { markAsNodeError, trimStack } = require('./node-error');

const UNKNOWN = ['UNKNOWN', 'unknown error'];

let errorMap;

function errnoException(errno, syscall, original) {
  const code = getSystemErrorName(errno);
  const error = new Error(original ? `${syscall} ${code} ${original}` : `${syscall} ${code}`);
  return trimStack(Object.assign(error, { errno, code, syscall }), errnoException);
}

function exceptionWithHostPort(errno, syscall, address, port, additional) {
  if (errno === ACCESS_DENIED) return deniedException(syscall, address, port);
  const code = getSystemErrorName(errno);
  const local = additional ? ` - Local (${additional})` : '';
  const error = new Error(`${syscall} ${code}${describePeer(address, port)}${local}`);
  Object.assign(error, { errno, code, syscall, address });
  if (port) error.port = port;
  return trimStack(error, exceptionWithHostPort);
}

// The permission model's: what was denied takes the place of the number.
function deniedException(syscall, address, port) {
  const errno = trimStack(accessDenied('Net', address), exceptionWithHostPort);
  const { code, message } = errno;
  const error = new Error(`${syscall} ${code} ${message}`);
  Object.assign(error, { errno, code, syscall, address });
  if (port) error.port = port;
  return trimStack(error, exceptionWithHostPort);
}

// As above with the text of the error in the message; Node uses it for listen.
function uvExceptionWithHostPort(errno, syscall, address, port) {
  const [code, text] = describeErrno(errno);
  const error = new Error(`${syscall} ${code}: ${text}${describePeer(address, port)}`);
  Object.assign(error, { code, errno, syscall, address });
  if (port) error.port = port;
  return trimStack(error, uvExceptionWithHostPort);
}

function uvException({ errno, syscall, path, dest, message }) {
  const [code, text] = describeErrno(errno);
  const from = path ? ` '${path}'` : '';
  const to = dest ? ` -> '${dest}'` : '';
  const error = new Error(`${code}: ${message || text}, ${syscall}${from}${to}`);
  Object.assign(error, { errno, code, syscall });
  if (path) error.path = path.toString();
  if (dest) error.dest = dest.toString();
  return trimStack(error, uvException);
}

// For errors whose fields are put together by the caller, such as those of exec().
function genericNodeError(message, properties) {
  return trimStack(Object.assign(new Error(message), properties), genericNodeError);
}

// Every attempt of a connection by name failed: `code` is that of the first attempt.
class NodeAggregateError extends AggregateError {
  constructor(errors, message) {
    super(errors, message);
    this.code = errors[0]?.code;
  }
}
markAsNodeError(NodeAggregateError, AggregateError);

function describeErrno(errno) {
  errorMap ??= getSystemErrorMap();
  return errorMap.get(errno) ?? UNKNOWN;
}

function describePeer(address, port) {
  if (port && port > 0) return ` ${address}:${port}`;
  return address ? ` ${address}` : '';
}

module.exports = {
  errnoException,
  exceptionWithHostPort,
  uvExceptionWithHostPort,
  uvException,
  genericNodeError,
  NodeAggregateError,
};
