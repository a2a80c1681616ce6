'use strict';

// Orders for the engine, packed: publishes, acknowledgements and methods of one tick cross together. The layout is that
// of src/amqp/client/order.rs.

const { isShortString, writeMethod } = require('./methods');
const { writeProperties } = require('./properties');
const { Writer } = require('./writer');

const PUBLISH = 1;
const ACK = 2;
const NACK = 3;
const REJECT = 4;
const METHOD = 5;

const SAME_ROUTE = 1;
const SAME_PROPERTIES = 2;
const BODY_APART = 4;

const MULTIPLE = 1;
const REQUEUE = 2;

// What crosses at once. Half a millisecond of publishing, and far more than a call costs.
const PACKED_BYTES = 64 * 1024;
// From this size on a body is copied by the engine, not into the packed bytes first.
const APART_BYTES = 16 * 1024;
// Two short strings, their lengths, the reserved short and the bits.
const ROUTE_BYTES = 2 + 2 * 256 + 1;
// Class, weight and body size, before the properties in a header frame.
const HEADER_BYTES = 12;

const EMPTY_HEADERS = Object.freeze({});
const NONE = Object.freeze({});

/** What the channel published last: what repeats is left out. */
class LastPublish {
  exchange = undefined;
  routingKey = undefined;
  mandatory = undefined;
  isPlain = false;
  contentType = undefined;
  contentEncoding = undefined;
  deliveryMode = undefined;
  priority = undefined;
  correlationId = undefined;
  replyTo = undefined;
  expiration = undefined;
  messageId = undefined;
  timestamp = undefined;
  type = undefined;
  userId = undefined;
  appId = undefined;
}

/** The arguments of a publish, read from the options in amqplib's order and with its conversions. */
class Publication {
  constructor(options) {
    this.CC = options.CC === undefined ? undefined : asStrings(options.CC);
    this.BCC = options.BCC === undefined ? undefined : asStrings(options.BCC);
    // Objects and functions are allowed as a prototype, and anything falsy; the rest throws as it does there.
    this.headers = options.headers ? inherit(options.headers) : EMPTY_HEADERS;
    this.deliveryMode = deliveryMode(options);
    const { expiration } = options;
    this.expiration = expiration === undefined ? undefined : expiration.toString();
    this.mandatory = !!options.mandatory;
    this.contentType = options.contentType;
    this.contentEncoding = options.contentEncoding;
    this.priority = options.priority;
    this.correlationId = options.correlationId;
    this.replyTo = options.replyTo;
    this.messageId = options.messageId;
    this.timestamp = options.timestamp;
    this.type = options.type;
    this.userId = options.userId;
    this.appId = options.appId;
  }

  get isPlain() {
    return this.headers === EMPTY_HEADERS && this.CC === undefined && this.BCC === undefined;
  }
}

const PLAIN = new Publication(NONE);

function inherit(headers) {
  if (typeof headers === 'object') return headers;
  return Object.create(headers);
}

function asStrings(value) {
  return Array.isArray(value) ? value.map(String) : [String(value)];
}

function deliveryMode({ persistent, deliveryMode: mode }) {
  if (persistent !== undefined) return persistent ? 2 : 1;
  if (typeof mode === 'number') return mode;
  return mode ? 2 : undefined;
}

const readPublication = (options) => (options ? new Publication(options) : PLAIN);

function sameProperties(last, next) {
  return (
    last.isPlain &&
    next.isPlain &&
    last.deliveryMode === next.deliveryMode &&
    last.contentType === next.contentType &&
    last.contentEncoding === next.contentEncoding &&
    last.priority === next.priority &&
    last.correlationId === next.correlationId &&
    last.replyTo === next.replyTo &&
    last.expiration === next.expiration &&
    last.messageId === next.messageId &&
    last.timestamp === next.timestamp &&
    last.type === next.type &&
    last.userId === next.userId &&
    last.appId === next.appId
  );
}

function checkAddress(name, value) {
  if (value !== undefined && !isShortString(value)) {
    throw new TypeError(`Field '${name}' is the wrong type; must be a string (up to 255 chars)`);
  }
}

class Orders {
  #submit;
  #bytes;
  #words;
  #at = 0;
  #writer = new Writer();

  /** `submit(bytes, length, body)` hands over what is packed. */
  constructor(submit) {
    this.#submit = submit;
    this.#allocate(PACKED_BYTES);
  }

  /** Largest frame, as negotiated; tables may fill one. */
  frameMax = 0xffffffff;

  get isEmpty() {
    return this.#at === 0;
  }

  #allocate(size) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
    this.#words = new Uint32Array(this.#bytes.buffer);
  }

  #room(count) {
    if (this.#at + count <= this.#bytes.length) return;
    this.flush();
    if (count > this.#bytes.length) this.#allocate(Math.ceil(count / PACKED_BYTES) * PACKED_BYTES);
  }

  flush(body = null) {
    if (this.#at === 0) return;
    const length = this.#at;
    this.#at = 0;
    this.#submit(this.#bytes, length, body);
  }

  /** Returns how many bytes of properties were written. */
  publish(channel, last, exchange, routingKey, publication, content) {
    let flags = 0;
    if (
      last.exchange === exchange &&
      last.routingKey === routingKey &&
      last.mandatory === publication.mandatory
    ) {
      flags |= SAME_ROUTE;
    } else {
      checkAddress('exchange', exchange);
      checkAddress('routingKey', routingKey);
    }
    let properties;
    if (sameProperties(last, publication)) {
      flags |= SAME_PROPERTIES;
    } else {
      const writer = this.#writer;
      writer.begin(this.frameMax - HEADER_BYTES);
      writeProperties(writer, publication, publication.headers, publication.CC, publication.BCC);
      properties = writer.end();
    }

    const size = content.length;
    const isApart = size >= APART_BYTES;
    if (isApart) flags |= BODY_APART;
    this.#room(16 + ROUTE_BYTES + (properties ? properties.length : 0) + (isApart ? 0 : size) + 4);
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start + 16;
    if ((flags & SAME_ROUTE) === 0) {
      at = this.#writeRoute(at, exchange ?? '', routingKey ?? '', publication.mandatory);
      last.exchange = exchange;
      last.routingKey = routingKey;
      last.mandatory = publication.mandatory;
    }
    const routeEnd = at;
    if (properties !== undefined) {
      bytes.set(properties, at);
      at += properties.length;
      remember(last, publication);
    }
    const word = start >>> 2;
    const words = this.#words;
    words[word] = PUBLISH | (flags << 8) | (channel << 16);
    words[word + 1] = routeEnd - start - 16;
    words[word + 2] = at - routeEnd;
    words[word + 3] = size;
    if (isApart) {
      this.#at = (at + 3) & ~3;
      this.flush(content);
    } else {
      if (size > 0) bytes.set(content, at);
      this.#at = (at + size + 3) & ~3;
    }
    return at - routeEnd;
  }

  #writeRoute(at, exchange, routingKey, mandatory) {
    const bytes = this.#bytes;
    bytes[at++] = 0;
    bytes[at++] = 0;
    at = writeShortString(bytes, at, exchange);
    at = writeShortString(bytes, at, routingKey);
    bytes[at++] = mandatory ? 1 : 0;
    return at;
  }

  ack(channel, deliveryTag, multiple) {
    this.#settle(ACK, multiple ? MULTIPLE : 0, channel, deliveryTag);
  }

  nack(channel, deliveryTag, multiple, requeue) {
    this.#settle(NACK, (multiple ? MULTIPLE : 0) | (requeue ? REQUEUE : 0), channel, deliveryTag);
  }

  reject(channel, deliveryTag, requeue) {
    this.#settle(REJECT, requeue ? REQUEUE : 0, channel, deliveryTag);
  }

  #settle(kind, flags, channel, deliveryTag) {
    this.#room(12);
    const word = this.#at >>> 2;
    this.#words[word] = kind | (flags << 8) | (channel << 16);
    this.#words[word + 1] = deliveryTag;
    this.#words[word + 2] = deliveryTag / 0x100000000;
    this.#at += 12;
  }

  method(channel, method, fields) {
    const writer = this.#writer;
    writer.begin(this.frameMax);
    writeMethod(writer, method, fields);
    const payload = writer.end();
    this.#room(8 + payload.length + 4);
    const word = this.#at >>> 2;
    this.#words[word] = METHOD | (channel << 16);
    this.#words[word + 1] = payload.length;
    this.#bytes.set(payload, this.#at + 8);
    this.#at = (this.#at + 8 + payload.length + 3) & ~3;
  }
}

function remember(last, next) {
  last.isPlain = next.isPlain;
  last.deliveryMode = next.deliveryMode;
  last.contentType = next.contentType;
  last.contentEncoding = next.contentEncoding;
  last.priority = next.priority;
  last.correlationId = next.correlationId;
  last.replyTo = next.replyTo;
  last.expiration = next.expiration;
  last.messageId = next.messageId;
  last.timestamp = next.timestamp;
  last.type = next.type;
  last.userId = next.userId;
  last.appId = next.appId;
}

function writeShortString(bytes, at, text) {
  const { length } = text;
  // Names are short and mostly ASCII; a loop beats the call into V8's encoder then.
  if (length <= 32) {
    let index = 0;
    while (index < length) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) break;
      bytes[at + 1 + index] = code;
      index++;
    }
    if (index === length) {
      bytes[at] = length;
      return at + 1 + length;
    }
  }
  const written = bytes.write(text, at + 1, 'utf8');
  bytes[at] = written;
  return at + 1 + written;
}

module.exports = { LastPublish, Orders, readPublication };
