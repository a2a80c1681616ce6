'use strict';

// What is inside the messages: the two values of the option `serialization`. `write` gives what native sends, `read` makes a
// list of the values in a batch that native has cut.

const { isArrayBufferView } = require('node:util/types');
const v8 = require('node:v8');

const LENGTH_BYTES = 4;
// Written before the length is known.
const NO_LENGTH = Buffer.alloc(LENGTH_BYTES);

// In the place of a message that cannot be read, and ahead of those that came before it in its batch, as Node reports it. Of
// 'advanced' messages those behind it are read, as in Node (which waits for the next batch with them), of lines they are lost.
class Malformed {
  constructor(error) {
    this.error = error;
  }
}

const json = {
  // Text also of what has no JSON form (`undefined`, which the peer refuses), as in Node.
  write: (message) => `${JSON.stringify(message)}`,

  read(batch) {
    // A descriptor that came with the beginning of a message.
    if (batch === '') return [];
    const values = [];
    try {
      // Most batches are one message.
      const end = batch.indexOf('\n');
      if (end === batch.length - 1) return [JSON.parse(batch)];
      const lines = batch.split('\n');
      for (let index = 0; index < lines.length - 1; index++) values.push(JSON.parse(lines[index]));
    } catch (error) {
      values.unshift(new Malformed(error));
    }
    return values;
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

  read(batch) {
    const { buffer, byteOffset } = batch;
    const values = [];
    // Where the values stand that follow the last malformed message.
    let begin = 0;
    for (let start = 0; start < batch.length; ) {
      const length =
        ((batch[start] << 24) | (batch[start + 1] << 16) | (batch[start + 2] << 8) | batch[start + 3]) >>> 0;
      start += LENGTH_BYTES;
      try {
        // A plain view: `subarray` of a Buffer takes several times as long.
        const deserializer = new Deserializer(new Uint8Array(buffer, byteOffset + start, length));
        deserializer.readHeader();
        values.push(deserializer.readValue());
      } catch (error) {
        values.splice(begin, 0, new Malformed(error));
        begin = values.length;
      }
      start += length;
    }
    return values;
  },
};

module.exports = { Malformed, serializations: { json, advanced } };
