'use strict';

// Records of the engine: walks a batch and tells a receiver, in order. The layout is that of src/amqp/client/batch.rs.

const { Properties } = require('./properties');

const DELIVER = 1;
const ROUTE = 2;
const PROPERTIES = 3;
const CONFIRM = 4;
const METHOD = 5;
const CONTENT = 6;
const OPEN = 7;
const END = 8;
const WRITABLE = 9;
const PEER = 10;
const STRAY = 11;

const REDELIVERED = 1;
const BODY_APART = 2;
const CONFIRM_ACK = 1;
const CONFIRM_MULTIPLE = 2;
const CONFIRM_REQUEUE = 4;

const INLINE = 0x80000000;
const TWO_32 = 0x100000000;

const EMPTY = Buffer.alloc(0);

/** Of the word for route or properties: how many bytes of them are in the record. */
const inlineBytes = (word) => (word & INLINE ? word & ~INLINE : 0);

class Route {
  constructor(bytes) {
    const tagEnd = 1 + bytes[0];
    const exchangeEnd = tagEnd + 1 + bytes[tagEnd];
    this.consumerTag = bytes.toString('utf8', 1, tagEnd);
    this.exchange = bytes.toString('utf8', tagEnd + 1, exchangeEnd);
    this.routingKey = bytes.toString('utf8', exchangeEnd + 1, exchangeEnd + 1 + bytes[exchangeEnd]);
  }
}

/** Walks batches; a walk that a receiver's exception interrupts can be taken up again behind the record at fault. */
class RecordReader {
  #receiver;
  #takeBody;
  #routes = [];
  #properties = [];
  #batch = EMPTY;
  #words = new Uint32Array(0);
  #at = 0;

  constructor(receiver, takeBody) {
    this.#receiver = receiver;
    this.#takeBody = takeBody;
  }

  get isDone() {
    return this.#at >= this.#words.length;
  }

  begin(batch) {
    const { buffer, byteOffset, length } = batch;
    this.#batch = batch;
    // A Buffer of Node's own is aligned; on a runtime where it is not, a copy is.
    this.#words =
      byteOffset % 4 === 0
        ? new Uint32Array(buffer, byteOffset, length >>> 2)
        : new Uint32Array(Uint8Array.from(batch).buffer);
    this.#at = 0;
  }

  run() {
    const words = this.#words;
    while (this.#at < words.length) {
      const at = this.#at;
      this.#at = at + words[at + 1];
      const head = words[at];
      const flags = (head >>> 8) & 0xff;
      const channel = head >>> 16;
      switch (head & 0xff) {
        case DELIVER:
          this.#deliver(at, flags, channel);
          break;
        case CONFIRM:
          this.#confirm(at, flags, channel);
          break;
        case METHOD:
          this.#method(at, channel);
          break;
        case CONTENT:
          this.#content(at, flags, channel);
          break;
        case ROUTE:
          this.#routes[words[at + 2]] = new Route(this.#bytes(at + 4, words[at + 3]));
          break;
        case PROPERTIES:
          this.#properties[words[at + 2]] = new Properties(this.#ownBytes(at + 4, words[at + 3]));
          break;
        case WRITABLE:
          this.#receiver.onWritable();
          break;
        case STRAY:
          this.#receiver.onStray(channel, {
            id: words[at + 2],
            awaited: words[at + 3],
            size: words[at + 4] + words[at + 5] * TWO_32,
          });
          break;
        case PEER:
          this.#peer(at);
          break;
        case OPEN:
          this.#receiver.onOpen({
            frameMax: words[at + 2],
            channelMax: words[at + 3],
            heartbeat: words[at + 4],
            start: this.#bytes(at + 7, words[at + 5]),
            addresses: this.#bytes(at + 7, words[at + 5] + words[at + 6])
              .subarray(words[at + 5])
              .toString(),
          });
          break;
        case END:
          this.#receiver.onEnd({
            scope: flags,
            channel,
            code: words[at + 2] | 0,
            classId: words[at + 3] >>> 16,
            methodId: words[at + 3] & 0xffff,
            text: this.#bytes(at + 5, words[at + 4]).toString(),
          });
          break;
      }
    }
    // What the last messages keep alive is theirs; an idle connection keeps nothing.
    this.#batch = EMPTY;
  }

  #bytes(word, length) {
    return this.#batch.subarray(word * 4, word * 4 + length);
  }

  // What is remembered must not keep a whole batch alive.
  #ownBytes(word, length) {
    return Buffer.from(this.#bytes(word, length));
  }

  #body(start, length, flags) {
    if (length === 0) return Buffer.alloc(0);
    if (flags & BODY_APART) return this.#takeBody();
    return this.#batch.subarray(start, start + length);
  }

  #deliver(at, flags, channel) {
    const words = this.#words;
    const routeAt = (at + 7) * 4;
    const route = words[at + 2];
    const propertiesAt = routeAt + inlineBytes(route);
    const properties = words[at + 3];
    const contentAt = propertiesAt + inlineBytes(properties);
    // Before anything that may throw: the next message would get this one's body.
    const content = this.#body(contentAt, words[at + 6], flags);
    const { consumerTag, exchange, routingKey } =
      route & INLINE ? new Route(this.#batch.subarray(routeAt, propertiesAt)) : this.#routes[route];
    const known =
      properties & INLINE
        ? new Properties(this.#batch.subarray(propertiesAt, contentAt))
        : this.#properties[properties];
    this.#receiver.onDeliver(channel, {
      fields: {
        consumerTag,
        deliveryTag: words[at + 4] + words[at + 5] * TWO_32,
        redelivered: (flags & REDELIVERED) !== 0,
        exchange,
        routingKey,
      },
      properties: known.make(),
      content,
    });
  }

  #peer(at) {
    const words = this.#words;
    const textBytes = words[at + 4];
    const bytes = this.#ownBytes(at + 6, textBytes + words[at + 5]);
    this.#receiver.onPeer({
      verifyResult: words[at + 2],
      dhBits: words[at + 3],
      texts: bytes.toString('utf8', 0, textBytes),
      certificates: bytes.subarray(textBytes),
    });
  }

  #confirm(at, flags, channel) {
    const fields = {
      deliveryTag: this.#words[at + 2] + this.#words[at + 3] * TWO_32,
      multiple: (flags & CONFIRM_MULTIPLE) !== 0,
    };
    const isAck = (flags & CONFIRM_ACK) !== 0;
    if (!isAck) fields.requeue = (flags & CONFIRM_REQUEUE) !== 0;
    this.#receiver.onConfirm(channel, isAck, fields);
  }

  #method(at, channel) {
    this.#receiver.onMethod(channel, this.#bytes(at + 3, this.#words[at + 2]));
  }

  #content(at, flags, channel) {
    const words = this.#words;
    const methodEnd = (at + 5) * 4 + words[at + 2];
    const propertiesEnd = methodEnd + words[at + 3];
    const method = this.#bytes(at + 5, words[at + 2]);
    const content = this.#body(propertiesEnd, words[at + 4], flags);
    const properties = new Properties(this.#batch.subarray(methodEnd, propertiesEnd));
    this.#receiver.onContent(channel, method, properties.make(), content);
  }
}

module.exports = { RecordReader };
