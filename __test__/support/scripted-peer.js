'use strict';

// A peer that opens connections and channels as a broker does, and otherwise sends what a test says.

const net = require('node:net');
const { once } = require('node:events');

const PROTOCOL_HEADER_BYTES = 8;

function frame(type, channel, payload) {
  const bytes = Buffer.alloc(payload.length + 8);
  bytes[0] = type;
  bytes.writeUInt16BE(channel, 1);
  bytes.writeUInt32BE(payload.length, 3);
  payload.copy(bytes, 7);
  bytes[bytes.length - 1] = 206;
  return bytes;
}

/** A method frame; arguments as the octets they are on the wire. */
function method(channel, classId, methodId, ...octets) {
  return frame(1, channel, Buffer.from([0, classId, 0, methodId, ...octets.flat()]));
}

const shortString = (text) => [Buffer.byteLength(text), ...Buffer.from(text)];
const short = (value) => [value >> 8, value & 0xff];
const long = (value) => [...short(value >>> 16), ...short(value & 0xffff)];

/** connection.close or channel.close. */
const close = (channel, code, text, classId = 0, methodId = 0) =>
  method(channel, channel === 0 ? 10 : 20, channel === 0 ? 50 : 40, [
    ...short(code),
    ...shortString(text),
    ...short(classId),
    ...short(methodId),
  ]);

/** connection.start with these mechanisms and no server properties. */
function start(mechanisms = 'PLAIN') {
  const list = Buffer.from(mechanisms);
  return method(
    0,
    10,
    10,
    0,
    9,
    long(0),
    [...long(list.length), ...list],
    [...long(5), ...Buffer.from('en_US')],
  );
}

const tune = ({ channelMax = 2047, frameMax = 0x20000, heartbeat = 0 } = {}) =>
  method(0, 10, 30, short(channelMax), long(frameMax), short(heartbeat));

/** One connection, after its handshake. */
class PeerConnection {
  #rest = Buffer.alloc(0);
  #waiting = [];
  #frames = [];
  #onOpened;

  constructor(socket, heartbeat) {
    this.socket = socket;
    this.heartbeat = heartbeat;
    /** The client has seen the handshake through. */
    this.opened = new Promise((resolve) => (this.#onOpened = resolve));
    socket.on('error', () => {});
    socket.on('data', (bytes) => this.#onData(bytes));
  }

  #onData(bytes) {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    if (this.#rest.subarray(0, 4).toString() === 'AMQP') {
      this.#rest = this.#rest.subarray(PROTOCOL_HEADER_BYTES);
      this.send(start());
    }
    while (this.#rest.length >= 8) {
      const size = this.#rest.readUInt32BE(3) + 8;
      if (this.#rest.length < size) break;
      this.#onFrame(this.#rest.subarray(0, size));
      this.#rest = this.#rest.subarray(size);
    }
  }

  #onFrame(bytes) {
    const channel = bytes.readUInt16BE(1);
    const name = bytes[0] === 1 ? `${bytes.readUInt16BE(7)}.${bytes.readUInt16BE(9)}` : `frame ${bytes[0]}`;
    this.onOpening({ name, bytes });
    if (name === '10.11') this.send(tune({ heartbeat: this.heartbeat }));
    else if (name === '10.40') {
      this.send(method(0, 10, 41, 0));
      this.#onOpened();
    } else if (name === '20.10') this.send(method(channel, 20, 11, 0, 0, 0, 0));
    else if (name === '85.10') this.send(method(channel, 85, 11));
    else if (name === '10.50') this.send(method(0, 10, 51));
    else this.#deliver({ name, channel, bytes });
  }

  /** Sees every frame, those of opening and closing too. */
  onOpening = () => {};

  /** Sees every frame but those of opening and closing, before `receive` does. */
  onFrame = () => {};

  #deliver(received) {
    this.onFrame(received);
    const index = this.#waiting.findIndex(({ name }) => name === received.name);
    if (index < 0) this.#frames.push(received);
    else this.#waiting.splice(index, 1)[0].resolve(received);
  }

  /** The next frame of that name, "class.method", not looked at before. */
  receive(name) {
    const index = this.#frames.findIndex((received) => received.name === name);
    if (index >= 0) return Promise.resolve(this.#frames.splice(index, 1)[0]);
    return new Promise((resolve) => this.#waiting.push({ name, resolve }));
  }

  send(...frames) {
    this.socket.write(Buffer.concat(frames));
  }
}

/** A client's connection on a socket of any kind. */
const acceptPeer = (socket, heartbeat = 0) => new PeerConnection(socket, heartbeat);

/** Listens, calls `use(url, accept)` where `accept()` gives the next connection, and goes away. */
async function withPeer(use, { heartbeat = 0 } = {}) {
  const sockets = new Set();
  const arrived = [];
  const waiting = [];
  const server = net.createServer((socket) => {
    sockets.add(socket);
    const connection = new PeerConnection(socket, heartbeat);
    if (waiting.length > 0) waiting.shift()(connection);
    else arrived.push(connection);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accept = () =>
    arrived.length > 0
      ? Promise.resolve(arrived.shift())
      : new Promise((resolve) => {
          waiting.push(resolve);
        });
  try {
    return await use(`amqp://127.0.0.1:${server.address().port}`, accept);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

module.exports = { acceptPeer, close, frame, long, method, short, shortString, withPeer };
