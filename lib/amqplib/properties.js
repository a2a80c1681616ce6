'use strict';

// The properties of a message (class basic): flags and list, both ways.

const { readTable, uint64, writePair } = require('./table');
const { isShortString } = require('./methods');

const CONTENT_TYPE = 0x8000;
const CONTENT_ENCODING = 0x4000;
const HEADERS = 0x2000;
const DELIVERY_MODE = 0x1000;
const PRIORITY = 0x0800;
const CORRELATION_ID = 0x0400;
const REPLY_TO = 0x0200;
const EXPIRATION = 0x0100;
const MESSAGE_ID = 0x0080;
const TIMESTAMP = 0x0040;
const TYPE = 0x0020;
const USER_ID = 0x0010;
const APP_ID = 0x0008;
const CLUSTER_ID = 0x0004;

function checkString(name, value) {
  if (!isShortString(value)) {
    throw new TypeError(`Field '${name}' is the wrong type; must be a string (up to 255 chars)`);
  }
}

function checkNumber(name, value) {
  if (typeof value !== 'number' || Number.isNaN(value)) {
    throw new TypeError(`Field '${name}' is the wrong type; must be a number (but not NaN)`);
  }
}

// null and undefined both mean absent.
const isSet = (value) => value !== undefined && value !== null;

/**
 * Appends flags and list. `headers` are never absent: amqplib sends an empty table when none are given. `CC` and `BCC`
 * stand before them and win over headers of that name.
 */
function writeProperties(writer, properties, headers, CC, BCC) {
  const { contentType, contentEncoding, deliveryMode, priority, correlationId, replyTo } = properties;
  const { expiration, messageId, timestamp, type, userId, appId } = properties;
  // Checks come first and in this order, so that of two wrong values amqplib's error is thrown.
  if (isSet(contentType)) checkString('contentType', contentType);
  if (isSet(contentEncoding)) checkString('contentEncoding', contentEncoding);

  const flagsAt = writer.at;
  writer.uint16(0);
  let flags = HEADERS;
  if (isSet(contentType)) {
    flags |= CONTENT_TYPE;
    writer.shortString(contentType);
  }
  if (isSet(contentEncoding)) {
    flags |= CONTENT_ENCODING;
    writer.shortString(contentEncoding);
  }
  writeHeaders(writer, headers, CC, BCC);

  if (isSet(deliveryMode)) checkNumber('deliveryMode', deliveryMode);
  if (isSet(priority)) checkNumber('priority', priority);
  if (isSet(correlationId)) checkString('correlationId', correlationId);
  if (isSet(replyTo)) checkString('replyTo', replyTo);
  if (isSet(expiration)) checkString('expiration', expiration);
  if (isSet(messageId)) checkString('messageId', messageId);
  if (isSet(timestamp)) checkNumber('timestamp', timestamp);
  if (isSet(type)) checkString('type', type);
  if (isSet(userId)) checkString('userId', userId);
  if (isSet(appId)) checkString('appId', appId);

  if (isSet(deliveryMode)) {
    flags |= DELIVERY_MODE;
    writer.uint8(deliveryMode);
  }
  if (isSet(priority)) {
    flags |= PRIORITY;
    writer.uint8(priority);
  }
  if (isSet(correlationId)) {
    flags |= CORRELATION_ID;
    writer.shortString(correlationId);
  }
  if (isSet(replyTo)) {
    flags |= REPLY_TO;
    writer.shortString(replyTo);
  }
  if (isSet(expiration)) {
    flags |= EXPIRATION;
    writer.shortString(expiration);
  }
  if (isSet(messageId)) {
    flags |= MESSAGE_ID;
    writer.shortString(messageId);
  }
  if (isSet(timestamp)) {
    flags |= TIMESTAMP;
    writer.uint64(timestamp);
  }
  if (isSet(type)) {
    flags |= TYPE;
    writer.shortString(type);
  }
  if (isSet(userId)) {
    flags |= USER_ID;
    writer.shortString(userId);
  }
  if (isSet(appId)) {
    flags |= APP_ID;
    writer.shortString(appId);
  }
  writer.bytes.writeUInt16BE(flags, flagsAt);
}

function writeHeaders(writer, headers, CC, BCC) {
  const lengthAt = writer.at;
  writer.uint32(0);
  if (CC !== undefined) writePair(writer, 'CC', CC);
  if (BCC !== undefined) writePair(writer, 'BCC', BCC);
  for (const key in headers) {
    if ((key === 'CC' && CC !== undefined) || (key === 'BCC' && BCC !== undefined)) continue;
    const value = headers[key];
    if (value !== undefined) writePair(writer, key, value);
  }
  writer.bytes.writeUInt32BE(writer.at - lengthAt - 4, lengthAt);
}

/** A message's properties as read once: makes a new object per message, since messages are the user's to change. */
class Properties {
  constructor(bytes) {
    const flags = bytes.readUInt16BE(0);
    let at = 2;
    const string = (flag) => {
      if ((flags & flag) === 0) return undefined;
      const end = at + 1 + bytes.readUInt8(at);
      const text = bytes.toString('utf8', at + 1, end);
      at = end;
      return text;
    };
    const octet = (flag) => ((flags & flag) === 0 ? undefined : bytes[at++]);

    this.isEmpty = flags === 0;
    this.contentType = string(CONTENT_TYPE);
    this.contentEncoding = string(CONTENT_ENCODING);
    this.hasHeaders = (flags & HEADERS) !== 0;
    this.headers = undefined;
    if (this.hasHeaders) {
      const start = at + 4;
      at = start + bytes.readUInt32BE(at);
      if (at > start) this.headers = bytes.subarray(start, at);
    }
    this.deliveryMode = octet(DELIVERY_MODE);
    this.priority = octet(PRIORITY);
    this.correlationId = string(CORRELATION_ID);
    this.replyTo = string(REPLY_TO);
    this.expiration = string(EXPIRATION);
    this.messageId = string(MESSAGE_ID);
    this.timestamp = undefined;
    if (flags & TIMESTAMP) {
      this.timestamp = uint64(bytes, at);
      at += 8;
    }
    this.type = string(TYPE);
    this.userId = string(USER_ID);
    this.appId = string(APP_ID);
    this.clusterId = string(CLUSTER_ID);
  }

  make() {
    if (this.isEmpty) return {};
    return {
      contentType: this.contentType,
      contentEncoding: this.contentEncoding,
      headers: this.makeHeaders(),
      deliveryMode: this.deliveryMode,
      priority: this.priority,
      correlationId: this.correlationId,
      replyTo: this.replyTo,
      expiration: this.expiration,
      messageId: this.messageId,
      timestamp: this.timestamp,
      type: this.type,
      userId: this.userId,
      appId: this.appId,
      clusterId: this.clusterId,
    };
  }

  makeHeaders() {
    if (this.headers !== undefined) return readTable(this.headers);
    return this.hasHeaders ? {} : undefined;
  }
}

module.exports = { Properties, writeProperties };
