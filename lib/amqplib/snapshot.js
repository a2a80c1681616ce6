'use strict';

/** A copy of a field table or a value in one: what the user changes later must not change what is sent again. */
function snapshot(value) {
  if (value === null || typeof value !== 'object') return value;
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(snapshot);
  const copy = {};
  // As they are sent: with what they inherit.
  for (const key in value) copy[key] = snapshot(value[key]);
  return copy;
}

module.exports = { snapshot };
