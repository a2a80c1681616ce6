'use strict';

// Field tables (section 4.2.5.5, with RabbitMQ's type tags): amqplib's choice of types, both ways.

// Where a double no longer tells fractions from integers, an integer is meant.
const EXACT_FRACTIONS = 2 ** 50;
const INT64_END = 2 ** 63;

function isFloatingPoint(number) {
  return number >= INT64_END || (Math.abs(number) < EXACT_FRACTIONS && Math.floor(number) !== number);
}

function numberType(number) {
  if (isFloatingPoint(number)) return 'double';
  if (number >= -0x80 && number < 0x80) return 'int8';
  if (number >= -0x8000 && number < 0x8000) return 'int16';
  if (number >= -0x80000000 && number < 0x80000000) return 'int32';
  return 'int64';
}

/** Appends a table with its length. Inherited properties count, undefined ones do not. */
function writeTable(writer, table) {
  const lengthAt = writer.at;
  writer.uint32(0);
  for (const key in table) {
    const value = table[key];
    if (value === undefined) continue;
    writer.shortString(key);
    writeValue(writer, value);
  }
  writer.bytes.writeUInt32BE(writer.at - lengthAt - 4, lengthAt);
}

/** Appends one more pair; the caller keeps count of the table's length. */
function writePair(writer, key, value) {
  writer.shortString(key);
  writeValue(writer, value);
}

function writeArray(writer, values) {
  const lengthAt = writer.at;
  writer.uint32(0);
  for (const value of values) writeValue(writer, value);
  writer.bytes.writeUInt32BE(writer.at - lengthAt - 4, lengthAt);
}

function tag(writer, letter, size) {
  writer.reserve(1 + size);
  writer.bytes[writer.at++] = letter.charCodeAt(0);
}

function writeValue(writer, given) {
  let value = given;
  let type = typeof given;
  // { '!': type, value } names the type.
  if (value && type === 'object' && Object.hasOwn(value, '!')) {
    type = value['!'];
    value = value.value;
  }
  if (type === 'number') type = numberType(value);
  switch (type) {
    case 'string':
      tag(writer, 'S', 4);
      writer.longString(value);
      break;
    case 'object':
      writeObject(writer, value);
      break;
    case 'boolean':
      tag(writer, 't', 1);
      writer.uint8(value ? 1 : 0);
      break;
    case 'double':
    case 'float64':
      tag(writer, 'd', 8);
      writer.at = writer.bytes.writeDoubleBE(value, writer.at);
      break;
    case 'byte':
    case 'int8':
      tag(writer, 'b', 1);
      writer.at = writer.bytes.writeInt8(value, writer.at);
      break;
    case 'unsignedbyte':
    case 'uint8':
      tag(writer, 'B', 1);
      writer.uint8(value);
      break;
    case 'short':
    case 'int16':
      tag(writer, 's', 2);
      writer.at = writer.bytes.writeInt16BE(value, writer.at);
      break;
    case 'unsignedshort':
    case 'uint16':
      tag(writer, 'u', 2);
      writer.uint16(value);
      break;
    case 'int':
    case 'int32':
      tag(writer, 'I', 4);
      writer.at = writer.bytes.writeInt32BE(value, writer.at);
      break;
    case 'unsignedint':
    case 'uint32':
      tag(writer, 'i', 4);
      writer.uint32(value);
      break;
    case 'long':
    case 'int64':
      tag(writer, 'l', 8);
      writer.at = writer.bytes.writeBigInt64BE(BigInt(value), writer.at);
      break;
    case 'timestamp':
      tag(writer, 'T', 8);
      writer.uint64(value);
      break;
    case 'float':
      tag(writer, 'f', 4);
      writer.at = writer.bytes.writeFloatBE(value, writer.at);
      break;
    case 'decimal':
      writeDecimal(writer, value);
      break;
    default:
      throw new TypeError(`Unknown type to encode: ${type}`);
  }
}

function writeObject(writer, value) {
  if (value === null) {
    tag(writer, 'V', 0);
  } else if (Array.isArray(value)) {
    tag(writer, 'A', 4);
    writeArray(writer, value);
  } else if (Buffer.isBuffer(value)) {
    tag(writer, 'x', 4);
    writer.longBytes(value);
  } else {
    tag(writer, 'F', 4);
    writeTable(writer, value);
  }
}

function writeDecimal(writer, value) {
  tag(writer, 'D', 5);
  const isDecimal =
    Object.hasOwn(value, 'places') &&
    Object.hasOwn(value, 'digits') &&
    value.places >= 0 &&
    value.places < 256;
  if (!isDecimal) {
    throw new TypeError(
      `Decimal value must be {'places': 0..255, 'digits': uint32}, got ${JSON.stringify(value)}`,
    );
  }
  writer.bytes[writer.at++] = value.places;
  writer.uint32(value.digits);
}

const int64 = (bytes, at) => bytes.readInt32BE(at) * 0x100000000 + bytes.readUInt32BE(at + 4);
const uint64 = (bytes, at) => bytes.readUInt32BE(at) * 0x100000000 + bytes.readUInt32BE(at + 4);

// One cursor for nested tables and arrays: values are read one at a time, and nothing runs in between.
let cursor = 0;

/** The fields in `bytes`, a table without its length. */
function readTable(bytes) {
  const outer = cursor;
  cursor = 0;
  try {
    return readFields(bytes);
  } finally {
    cursor = outer;
  }
}

function readFields(bytes) {
  const fields = {};
  const { length } = bytes;
  while (cursor < length) {
    const keyEnd = cursor + 1 + bytes.readUInt8(cursor);
    const key = bytes.toString('utf8', cursor + 1, keyEnd);
    cursor = keyEnd;
    fields[key] = readValue(bytes);
  }
  return fields;
}

function skip(count) {
  const at = cursor;
  cursor += count;
  return at;
}

function readValue(bytes) {
  const letter = String.fromCharCode(bytes[cursor++]);
  switch (letter) {
    case 'S': {
      const length = bytes.readUInt32BE(skip(4));
      const at = skip(length);
      return bytes.toString('utf8', at, at + length);
    }
    case 't':
      return bytes[skip(1)] !== 0;
    case 'b':
      return bytes.readInt8(skip(1));
    case 's':
      return bytes.readInt16BE(skip(2));
    case 'I':
      return bytes.readInt32BE(skip(4));
    case 'l':
      return int64(bytes, skip(8));
    case 'B':
      return bytes.readUInt8(skip(1));
    case 'u':
      return bytes.readUInt16BE(skip(2));
    case 'i':
      return bytes.readUInt32BE(skip(4));
    case 'f':
      return bytes.readFloatBE(skip(4));
    case 'd':
      return bytes.readDoubleBE(skip(8));
    case 'D': {
      const places = bytes[skip(1)];
      return { '!': 'decimal', value: { places, digits: bytes.readUInt32BE(skip(4)) } };
    }
    case 'T':
      return { '!': 'timestamp', value: uint64(bytes, skip(8)) };
    case 'V':
      return null;
    case 'x': {
      const length = bytes.readUInt32BE(skip(4));
      const at = skip(length);
      return bytes.subarray(at, at + length);
    }
    case 'F': {
      const length = bytes.readUInt32BE(skip(4));
      const at = skip(length);
      return readTable(bytes.subarray(at, at + length));
    }
    case 'A': {
      const end = bytes.readUInt32BE(skip(4)) + cursor;
      const values = [];
      while (cursor < end) values.push(readValue(bytes));
      return values;
    }
    default:
      throw new TypeError(`Unexpected type tag "${letter}"`);
  }
}

module.exports = { readTable, uint64, writePair, writeTable };
