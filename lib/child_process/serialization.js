'use strict';

// What is inside the messages: the two values of the option `serialization`. `write` gives what native sends, `read` adds
// the values of a batch that native has cut to a list; those before one that is malformed are on it when it throws.

const { isArrayBufferView } = require('node:util/types');
const v8 = require('node:v8');

const LENGTH_BYTES = 4;
// Written before the length is known.
const NO_LENGTH = Buffer.alloc(LENGTH_BYTES);

const json = {
  // Text also of what has no JSON form (`undefined`, which the peer refuses), as in Node.
  write: (message) => `${JSON.stringify(message)}`,

  read(batch, values) {
    // A descriptor that came with the beginning of a message.
    if (batch === '') return;
    // Most batches are one message.
    const end = batch.indexOf('\n');
    if (end === batch.length - 1) {
      values.push(JSON.parse(batch));
      return;
    }
    const lines = batch.split('\n');
    for (let index = 0; index < lines.length - 1; index++) values.push(JSON.parse(lines[index]));
  },
};

// Node marks with a number whether a host object is bytes, or anything else as a plain object.
const BYTES = 0;
const PLAIN = 1;

class Serializer extends v8.DefaultSerializer {
  _writeHostObject(object) {
    if (isArrayBufferView(object)) {
      this.writeUint32(BYTES);
      return super._writeHostObject(object);
    }
    this.writeUint32(PLAIN);
    this.writeValue({ ...object });
  }
}

class Deserializer extends v8.DefaultDeserializer {
  _readHostObject() {
    return this.readUint32() === BYTES ? super._readHostObject() : this.readValue();
  }
}

const advanced = {
  write(message) {
    const serializer = new Serializer();
    serializer.writeRawBytes(NO_LENGTH);
    serializer.writeHeader();
    serializer.writeValue(message);
    const bytes = serializer.releaseBuffer();
    const length = bytes.length - LENGTH_BYTES;
    // Byte by byte: faster than writeUInt32BE and its checks.
    bytes[0] = length >>> 24;
    bytes[1] = length >>> 16;
    bytes[2] = length >>> 8;
    bytes[3] = length;
    return bytes;
  },

  read(batch, values) {
    const { buffer, byteOffset } = batch;
    for (let start = 0; start < batch.length; ) {
      const length =
        ((batch[start] << 24) | (batch[start + 1] << 16) | (batch[start + 2] << 8) | batch[start + 3]) >>> 0;
      start += LENGTH_BYTES;
      // A plain view: `subarray` of a Buffer takes several times as long.
      const deserializer = new Deserializer(new Uint8Array(buffer, byteOffset + start, length));
      deserializer.readHeader();
      values.push(deserializer.readValue());
      start += length;
    }
  },
};

module.exports = { serializations: { json, advanced } };
