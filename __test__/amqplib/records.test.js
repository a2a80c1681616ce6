'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { RecordReader } = require('../../lib/amqplib/records');

const DELIVER = 1;
const BODY_APART = 2;
const INLINE = 0x80000000;

/** A delivery with an empty consumer tag, exchange and routing key, these properties, and a body apart. */
function delivery(tag, properties, bodyBytes) {
  const inline = Buffer.from([0, 0, 0, ...properties]);
  const words = 7 + Math.ceil(inline.length / 4);
  const record = Buffer.alloc(words * 4);
  const head = new Uint32Array(record.buffer, record.byteOffset, 7);
  head.set([
    DELIVER | (BODY_APART << 8) | (1 << 16),
    words,
    (INLINE | 3) >>> 0,
    (INLINE | properties.length) >>> 0,
    tag,
    0,
    bodyBytes,
  ]);
  inline.copy(record, 28);
  return record;
}

test('a message at fault does not give its body to the next', () => {
  const bodies = [Buffer.alloc(20_000, 'a'), Buffer.alloc(30_000, 'b')];
  const [first, second] = bodies;
  const seen = [];
  const receiver = { onDeliver: (_channel, { fields, content }) => seen.push([fields.deliveryTag, content]) };
  const reader = new RecordReader(receiver, () => bodies.shift());
  // Headers are announced and are not there.
  reader.begin(Buffer.concat([delivery(1, [0x20, 0], first.length), delivery(2, [0, 0], second.length)]));
  assert.throws(() => reader.run(), { code: 'ERR_BUFFER_OUT_OF_BOUNDS' });
  reader.run();
  assert.deepEqual(seen, [[2, second]]);
  assert.ok(reader.isDone);
});
