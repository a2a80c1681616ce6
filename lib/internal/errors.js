'use strict';

// The ERR_* errors that child_process and net make themselves, by code. Texts and classes are those of Node 26.

const {
  invalidArgType,
  invalidArgValue,
  outOfRange,
  missingArgs,
  socketBadPort,
} = require('./error-wording');
const { makeNodeError } = require('./node-error');

const TABLE = [
  ['ERR_CHILD_CLOSED_BEFORE_REPLY', Error, 'Child closed before reply received'],
  [
    'ERR_CHILD_PROCESS_IPC_REQUIRED',
    Error,
    "Forked processes must have an IPC channel, missing value 'ipc' in %s",
  ],
  ['ERR_CHILD_PROCESS_STDIO_MAXBUFFER', RangeError, '%s maxBuffer length exceeded'],
  ['ERR_INTERNAL_ASSERTION', Error, internalAssertion],
  ['ERR_INVALID_ADDRESS_FAMILY', RangeError, invalidAddressFamily],
  ['ERR_INVALID_ARG_TYPE', TypeError, invalidArgType],
  ['ERR_INVALID_ARG_VALUE', TypeError, invalidArgValue],
  ['ERR_INVALID_FD', RangeError, '"fd" must be a positive integer: %s'],
  ['ERR_INVALID_FD_TYPE', TypeError, 'Unsupported fd type: %s'],
  ['ERR_INVALID_HANDLE_TYPE', TypeError, 'This handle type cannot be sent'],
  ['ERR_INVALID_IP_ADDRESS', TypeError, 'Invalid IP address: %s'],
  ['ERR_INVALID_STATE', TypeError, 'Invalid state: %s'],
  [
    'ERR_INVALID_SYNC_FORK_INPUT',
    TypeError,
    'Asynchronous forks do not support Buffer, TypedArray, DataView or string input: %s',
  ],
  ['ERR_IPC_CHANNEL_CLOSED', Error, 'Channel closed'],
  ['ERR_IPC_DISCONNECTED', Error, 'IPC channel is already disconnected'],
  ['ERR_IPC_ONE_PIPE', Error, 'Child process can have only one IPC pipe'],
  ['ERR_IPC_SYNC_FORK', Error, 'IPC cannot be used with synchronous forks'],
  ['ERR_IP_BLOCKED', Error, (ip) => `IP(${ip}) is blocked by net.BlockList`],
  ['ERR_METHOD_NOT_IMPLEMENTED', Error, 'The %s method is not implemented'],
  ['ERR_MISSING_ARGS', TypeError, missingArgs],
  ['ERR_OUT_OF_RANGE', RangeError, outOfRange],
  ['ERR_SERVER_ALREADY_LISTEN', Error, 'Listen method has been called more than once without closing.'],
  ['ERR_SERVER_NOT_RUNNING', Error, 'Server is not running.'],
  ['ERR_SOCKET_BAD_PORT', RangeError, socketBadPort],
  ['ERR_SOCKET_CLOSED', Error, 'Socket is closed'],
  ['ERR_SOCKET_CLOSED_BEFORE_CONNECTION', Error, 'Socket closed before the connection was established'],
  ['ERR_SOCKET_CONNECTION_TIMEOUT', Error, 'Socket connection timeout'],
  ['ERR_SOCKET_HANDLE_ADOPTED', Error, 'The bound socket has already been adopted by a server or socket'],
  ['ERR_TLS_DH_PARAM_SIZE', Error, (size) => `DH parameter size ${size} is less than 2048`],
  ['ERR_UNKNOWN_ENCODING', TypeError, 'Unknown encoding: %s'],
  ['ERR_UNKNOWN_SIGNAL', TypeError, 'Unknown signal: %s'],
  [
    'ERR_WORKER_HANDLE_NOT_TRANSFERABLE',
    Error,
    '%s cannot be transferred in its current state; it must be a freshly created or accepted handle that has ' +
      'not started reading and has no pending writes',
  ],
];

function internalAssertion(message) {
  const advice =
    'This is a bug in oxipc or the result of using its internals. Please report it with this stack trace.\n';
  return message === undefined ? advice : `${message}\n${advice}`;
}

function invalidAddressFamily(family, host, port) {
  this.host = host;
  this.port = port;
  return `Invalid address family: ${family} ${host}:${port}`;
}

for (const [code, Base, message] of TABLE) exports[code] = makeNodeError(code, Base, message);
