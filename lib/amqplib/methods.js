'use strict';

// The methods of AMQP 0-9-1 (with RabbitMQ's extensions): names, arguments, defaults. One table for writing what a
// client sends and reading what it gets.

const { readTable, uint64, writeTable } = require('./table');

const BY_ID = new Map();
const methods = {};

// "name:type" with "=default" where a value may be missing; "!" marks one that may not. Types are the specification's.
function define(classId, className, definitions) {
  for (const [name, methodId, list] of definitions) {
    const fields = list.split(' ').filter(Boolean).map(parseField);
    const id = classId * 0x10000 + methodId;
    const method = { name: className + name, id, classId, methodId, fields };
    methods[method.name] = method;
    BY_ID.set(id, method);
  }
}

const DEFAULTS = {
  shortstr: '',
  longstr: Buffer.alloc(0),
  table: Object.freeze({}),
  bit: false,
  short: 0,
  long: 0,
  longlong: 0,
};

function parseField(text) {
  const [, name, type, mark, value] = /^(\w+):(\w+)([=!]?)(.*)$/.exec(text);
  const fallback = mark === '=' ? (type === 'bit' ? value === 'true' : value) : DEFAULTS[type];
  return { name, type, isMandatory: mark === '!', fallback };
}

define(10, 'Connection', [
  [
    'Start',
    10,
    'versionMajor:octet versionMinor:octet serverProperties:table mechanisms:longstr locales:longstr',
  ],
  ['StartOk', 11, 'clientProperties:table! mechanism:shortstr=PLAIN response:longstr! locale:shortstr=en_US'],
  ['Secure', 20, 'challenge:longstr!'],
  ['SecureOk', 21, 'response:longstr!'],
  ['Tune', 30, 'channelMax:short frameMax:long heartbeat:short'],
  ['TuneOk', 31, 'channelMax:short frameMax:long heartbeat:short'],
  ['Open', 40, 'virtualHost:shortstr=/ capabilities:shortstr insist:bit'],
  ['OpenOk', 41, 'knownHosts:shortstr'],
  ['Close', 50, 'replyCode:short! replyText:shortstr classId:short! methodId:short!'],
  ['CloseOk', 51, ''],
  ['Blocked', 60, 'reason:shortstr'],
  ['Unblocked', 61, ''],
  ['UpdateSecret', 70, 'newSecret:longstr! reason:shortstr!'],
  ['UpdateSecretOk', 71, ''],
]);
define(20, 'Channel', [
  ['Open', 10, 'outOfBand:shortstr'],
  ['OpenOk', 11, 'channelId:longstr'],
  ['Flow', 20, 'active:bit!'],
  ['FlowOk', 21, 'active:bit!'],
  ['Close', 40, 'replyCode:short! replyText:shortstr classId:short! methodId:short!'],
  ['CloseOk', 41, ''],
]);
define(30, 'Access', [
  [
    'Request',
    10,
    'realm:shortstr=/data exclusive:bit passive:bit=true active:bit=true write:bit=true read:bit=true',
  ],
  ['RequestOk', 11, 'ticket:short'],
]);
define(40, 'Exchange', [
  [
    'Declare',
    10,
    'ticket:short exchange:shortstr! type:shortstr=direct passive:bit durable:bit autoDelete:bit internal:bit nowait:bit arguments:table',
  ],
  ['DeclareOk', 11, ''],
  ['Delete', 20, 'ticket:short exchange:shortstr! ifUnused:bit nowait:bit'],
  ['DeleteOk', 21, ''],
  [
    'Bind',
    30,
    'ticket:short destination:shortstr! source:shortstr! routingKey:shortstr nowait:bit arguments:table',
  ],
  ['BindOk', 31, ''],
  [
    'Unbind',
    40,
    'ticket:short destination:shortstr! source:shortstr! routingKey:shortstr nowait:bit arguments:table',
  ],
  ['UnbindOk', 51, ''],
]);
define(50, 'Queue', [
  [
    'Declare',
    10,
    'ticket:short queue:shortstr passive:bit durable:bit exclusive:bit autoDelete:bit nowait:bit arguments:table',
  ],
  ['DeclareOk', 11, 'queue:shortstr! messageCount:long! consumerCount:long!'],
  [
    'Bind',
    20,
    'ticket:short queue:shortstr exchange:shortstr! routingKey:shortstr nowait:bit arguments:table',
  ],
  ['BindOk', 21, ''],
  ['Purge', 30, 'ticket:short queue:shortstr nowait:bit'],
  ['PurgeOk', 31, 'messageCount:long!'],
  ['Delete', 40, 'ticket:short queue:shortstr ifUnused:bit ifEmpty:bit nowait:bit'],
  ['DeleteOk', 41, 'messageCount:long!'],
  ['Unbind', 50, 'ticket:short queue:shortstr exchange:shortstr! routingKey:shortstr arguments:table'],
  ['UnbindOk', 51, ''],
]);
define(60, 'Basic', [
  ['Qos', 10, 'prefetchSize:long prefetchCount:short global:bit'],
  ['QosOk', 11, ''],
  [
    'Consume',
    20,
    'ticket:short queue:shortstr consumerTag:shortstr noLocal:bit noAck:bit exclusive:bit nowait:bit arguments:table',
  ],
  ['ConsumeOk', 21, 'consumerTag:shortstr!'],
  ['Cancel', 30, 'consumerTag:shortstr! nowait:bit'],
  ['CancelOk', 31, 'consumerTag:shortstr!'],
  ['Publish', 40, 'ticket:short exchange:shortstr routingKey:shortstr mandatory:bit immediate:bit'],
  ['Return', 50, 'replyCode:short! replyText:shortstr exchange:shortstr! routingKey:shortstr!'],
  [
    'Deliver',
    60,
    'consumerTag:shortstr! deliveryTag:longlong! redelivered:bit exchange:shortstr! routingKey:shortstr!',
  ],
  ['Get', 70, 'ticket:short queue:shortstr noAck:bit'],
  [
    'GetOk',
    71,
    'deliveryTag:longlong! redelivered:bit exchange:shortstr! routingKey:shortstr! messageCount:long!',
  ],
  ['GetEmpty', 72, 'clusterId:shortstr'],
  ['Ack', 80, 'deliveryTag:longlong multiple:bit'],
  ['Reject', 90, 'deliveryTag:longlong! requeue:bit=true'],
  ['RecoverAsync', 100, 'requeue:bit'],
  ['Recover', 110, 'requeue:bit'],
  ['RecoverOk', 111, ''],
  ['Nack', 120, 'deliveryTag:longlong multiple:bit requeue:bit=true'],
]);
define(85, 'Confirm', [
  ['Select', 10, 'nowait:bit'],
  ['SelectOk', 11, ''],
]);
define(90, 'Tx', [
  ['Select', 10, ''],
  ['SelectOk', 11, ''],
  ['Commit', 20, ''],
  ['CommitOk', 21, ''],
  ['Rollback', 30, ''],
  ['RollbackOk', 31, ''],
]);

// Reply codes (section 1.1.2 of the specification's XML), as texts name them.
const REPLY_CODES = {
  200: 'REPLY-SUCCESS',
  311: 'CONTENT-TOO-LARGE',
  313: 'NO-CONSUMERS',
  320: 'CONNECTION-FORCED',
  402: 'INVALID-PATH',
  403: 'ACCESS-REFUSED',
  404: 'NOT-FOUND',
  405: 'RESOURCE-LOCKED',
  406: 'PRECONDITION-FAILED',
  501: 'FRAME-ERROR',
  502: 'SYNTAX-ERROR',
  503: 'COMMAND-INVALID',
  504: 'CHANNEL-ERROR',
  505: 'UNEXPECTED-FRAME',
  530: 'NOT-ALLOWED',
  540: 'NOT-IMPLEMENTED',
  541: 'INTERNAL-ERROR',
};

const isShortString = (value) =>
  typeof value === 'string' && (value.length < 86 || Buffer.byteLength(value) < 256);

const CHECKS = {
  shortstr: [isShortString, 'a string (up to 255 chars)'],
  longstr: [(value) => Buffer.isBuffer(value), 'a Buffer'],
  table: [(value) => typeof value === 'object', 'an object'],
  bit: [() => true, ''],
};
for (const type of ['octet', 'short', 'long', 'longlong']) {
  CHECKS[type] = [(value) => typeof value === 'number' && !Number.isNaN(value), 'a number (but not NaN)'];
}

/** The value to write for a field, or amqplib's error. */
function checkField({ name, type, isMandatory, fallback }, given) {
  if (given === undefined) {
    if (isMandatory) throw new Error(`Missing value for mandatory field '${name}'`);
    return fallback;
  }
  const [isValid, expected] = CHECKS[type];
  if (!isValid(given)) throw new TypeError(`Field '${name}' is the wrong type; must be ${expected}`);
  return given;
}

const isVarying = ({ type }) => type === 'shortstr' || type === 'longstr' || type === 'table';

/** Appends a method's payload: class and method id, arguments. */
function writeMethod(writer, method, values) {
  // amqplib looks at strings and tables first: of two wrong fields the same one must be named.
  for (const field of method.fields) if (isVarying(field)) checkField(field, values[field.name]);
  writer.uint32(method.id);
  let bits = 0;
  let bitCount = 0;
  for (const field of method.fields) {
    const value = checkField(field, values[field.name]);
    if (field.type === 'bit') {
      if (value) bits |= 1 << bitCount;
      bitCount++;
      continue;
    }
    if (bitCount > 0) writer.uint8(bits);
    bits = bitCount = 0;
    WRITERS[field.type](writer, value);
  }
  if (bitCount > 0) writer.uint8(bits);
}

const WRITERS = {
  octet: (writer, value) => writer.uint8(value),
  short: (writer, value) => writer.uint16(value),
  long: (writer, value) => writer.uint32(value),
  longlong: (writer, value) => writer.uint64(value),
  shortstr: (writer, value) => writer.shortString(value),
  longstr: (writer, value) => writer.longBytes(value),
  table: writeTable,
};

/** The arguments in a method's payload, from `at` on. The engine has checked that they are all there. */
function readMethod(method, bytes, at) {
  const values = {};
  let offset = at;
  let bit = 0;
  for (const { name, type } of method.fields) {
    if (type === 'bit') {
      values[name] = (bytes[offset] & (1 << bit)) !== 0;
      bit++;
      continue;
    }
    if (bit > 0) offset++;
    bit = 0;
    switch (type) {
      case 'octet':
        values[name] = bytes[offset];
        offset += 1;
        break;
      case 'short':
        values[name] = bytes.readUInt16BE(offset);
        offset += 2;
        break;
      case 'long':
        values[name] = bytes.readUInt32BE(offset);
        offset += 4;
        break;
      case 'longlong':
        values[name] = uint64(bytes, offset);
        offset += 8;
        break;
      case 'shortstr': {
        const end = offset + 1 + bytes[offset];
        values[name] = bytes.toString('utf8', offset + 1, end);
        offset = end;
        break;
      }
      default: {
        const start = offset + 4;
        const end = start + bytes.readUInt32BE(offset);
        const inner = bytes.subarray(start, end);
        values[name] = type === 'table' ? readTable(inner) : inner;
        offset = end;
      }
    }
  }
  return values;
}

const methodById = (id) => BY_ID.get(id);
const methodName = (id) => BY_ID.get(id)?.name ?? `${id >>> 16}.${id & 0xffff}`;

module.exports = { REPLY_CODES, isShortString, methodById, methodName, methods, readMethod, writeMethod };
