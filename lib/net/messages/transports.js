'use strict';

// Where frames come from and go to. A socket of ours lends its descriptor: native reads, cuts, joins and writes. The
// bytes of any other Duplex pass through JavaScript, and native only cuts and joins.
//
// A transport tells its receiver: batch(count, payloads, table, isPlain), fault(number, detail), ended(), drained(), and
// flush() when it is about to end. The receiver calls begin(), setReading(on), finish(), close(), and
// send(...), which returns how many bytes wait now or a negative errno.

const { errno: ERRNO } = require('node:os').constants;
const { Duplex } = require('node:stream');

const { errnoException } = require('../../internal/system-errors');
const { MESSAGE_TABLE_WORDS, MessagesHandle } = require('../../native');
const { onStreamEvent, SocketHandle } = require('../handle');
const { kHandle } = require('../symbols');
const { nonce } = require('./codecs');

// Kinds of events; see src/binding/messages.rs.
const END = 1;
const WRITTEN = 2;
const MESSAGES = 5;
const PLAIN_MESSAGES = 6;
const FAULT = 7;

// Of all connections of this thread: a batch is read before the next one comes.
const table = new Uint32Array(MESSAGE_TABLE_WORDS);
const NOTHING = Buffer.alloc(0);

/** In place of a socket's own writer: the stream's other bytes would fall between the frames. */
class ClosedWriter {
  onWritten = null;
  #transport;
  #endsWhenDrained = false;

  constructor(transport) {
    this.#transport = transport;
  }

  get bytesWritten() {
    return this.#transport.native.bytesWritten;
  }

  gather() {
    return false;
  }

  write(data, done) {
    done(data.byteLength === 0 ? 0 : -ERRNO.EBUSY, false);
  }

  writeWithDescriptors(_data, _copies, done) {
    done(-ERRNO.EBUSY, false);
  }

  flush() {}

  shutdown() {
    this.#transport.receiver.flush();
    if (this.#transport.native.pendingBytes > 0) this.#endsWhenDrained = true;
    else this.#transport.native.shutdown();
  }

  drained() {
    if (!this.#endsWhenDrained) return;
    this.#endsWhenDrained = false;
    this.#transport.native.shutdown();
  }

  close() {
    this.#transport.receiver.flush();
    return null;
  }
}

class SocketTransport {
  #hasEnded = false;

  constructor(socket, receiver, { codec, maxLength }) {
    const handle = socket[kHandle];
    this.socket = socket;
    this.receiver = receiver;
    this.writer = new ClosedWriter(this);
    handle.messages = this;
    this.status = handle.takeOver((fd) => {
      const type = handle.constructor.streamType;
      const options = { codec: codec.number, maxLength, nonce };
      this.native = new MessagesHandle(fd, handle, onEvent, type, options, table);
      return this.native;
    }, this.writer);
    // The stream is to ask for nothing any more.
    handle.reading = true;
  }

  /** Takes what the socket has read before. */
  begin() {
    const { socket, native } = this;
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) native.feed(chunk);
    if (socket._readableState.ended) {
      this.#hasEnded = true;
      native.feedEnd();
    }
    // For its 'end'.
    socket.resume();
  }

  setReading(on) {
    if (!on) return this.native.readStop();
    const status = this.native.readStart();
    if (status < 0) this.end(status);
  }

  send(words, count, payloads, length) {
    this.socket._unrefTimer();
    return this.native.send(words, count, payloads, length);
  }

  end(status) {
    if (status < 0) this.socket.destroy(errnoException(status, 'read'));
    else this.receiver.ended();
  }

  /** All that came before the peer's end has been taken: the stream may end too. */
  finish() {
    const { [kHandle]: handle } = this.socket;
    if (handle && !this.#hasEnded) handle.observer.end(handle, 0);
    this.#hasEnded = true;
  }

  // The socket has closed the handle.
  close() {}

  written(status) {
    if (status < 0) this.socket.destroy(errnoException(status, 'write'));
    else this.receiver.drained();
    this.writer.drained();
  }
}

function onEvent(kind, a, b, c) {
  const { messages } = this;
  switch (kind) {
    case PLAIN_MESSAGES:
    case MESSAGES:
      this.bytesRead += c;
      messages.socket._unrefTimer();
      messages.receiver.batch(a, b, table, kind === PLAIN_MESSAGES);
      return;
    case END:
      messages.end(a);
      return;
    case WRITTEN:
      messages.written(a);
      return;
    case FAULT:
      messages.receiver.fault(a, b);
      return;
    default:
      onStreamEvent.call(this, kind, a, b);
  }
}

class DuplexTransport {
  status = 0;

  constructor(stream, receiver, { codec, maxLength }) {
    this.stream = stream;
    this.receiver = receiver;
    const options = { codec: codec.number, maxLength, nonce };
    this.native = new MessagesHandle(-1, this, onDuplexEvent, 'MESSAGES', options, table);
    stream.on('drain', () => receiver.drained());
  }

  begin() {
    const { stream, native } = this;
    stream.on('data', (chunk) => native.feed(chunk));
    stream.on('end', () => native.feedEnd());
    if (stream.readableEnded) native.feedEnd();
  }

  setReading(on) {
    if (on) this.stream.resume();
    else this.stream.pause();
  }

  finish() {}

  close() {
    this.native.close();
  }

  send(words, count, payloads, length) {
    const frames = this.native.join(words, count, payloads, length);
    if (frames === null) return -ERRNO.EINVAL;
    if (!this.stream.writable) return -ERRNO.EPIPE;
    return this.stream.write(frames) ? 0 : this.stream.writableLength;
  }
}

function onDuplexEvent(kind, a, b) {
  switch (kind) {
    case PLAIN_MESSAGES:
    case MESSAGES:
      this.receiver.batch(a, b, table, kind === PLAIN_MESSAGES);
      return;
    case END:
      this.receiver.ended();
      return;
    case FAULT:
      this.receiver.fault(a, b);
      return;
  }
}

/**
 * Calls `ready(Transport)` when a socket of ours can be taken over: it is connected, and what it was to write is written. One
 * whose handle is Node's is a Duplex like any other.
 */
function whenTakeable(socket, ready) {
  socket.write = refuseWrite;
  waitUntilTakeable(socket, ready);
}

// From the beginning, or these bytes would come before the messages.
function refuseWrite(_chunk, encoding, callback) {
  const done = typeof encoding === 'function' ? encoding : callback;
  const error = errnoException(-ERRNO.EBUSY, 'write');
  if (typeof done === 'function') process.nextTick(done, error);
  this.destroy(error);
  return false;
}

function waitUntilTakeable(socket, ready) {
  if (socket.destroyed) return;
  const handle = socket[kHandle];
  if (handle && !(handle instanceof SocketHandle)) {
    delete socket.write;
    ready(DuplexTransport);
    return;
  }
  if (socket.connecting || !handle?.native) {
    socket.once('connect', () => waitUntilTakeable(socket, ready));
    return;
  }
  // Null when it has never written.
  const { madeWriter: writer } = handle;
  writer?.flush();
  const again = () => waitUntilTakeable(socket, ready);
  if (socket.writableEnded && !socket.writableFinished) {
    socket.once('finish', again);
    return;
  }
  // A failure is the socket's to report.
  if (socket.writableLength > 0) Duplex.prototype.write.call(socket, NOTHING, (error) => error || again());
  else if (writer !== null && writer.onWritten !== null)
    writer.write(NOTHING, (status) => status < 0 || again());
  else ready(SocketTransport);
}

module.exports = { DuplexTransport, whenTakeable };
