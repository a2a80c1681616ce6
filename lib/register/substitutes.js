'use strict';

const path = require('node:path');

const lib = path.join(__dirname, '..');

const child_process = path.join(lib, 'child_process.js');
const net = path.join(lib, 'net.js');

const substitutes = new Map([
  ['child_process', child_process],
  ['node:child_process', child_process],
  ['net', net],
  ['node:net', net],
  ['amqplib', path.join(lib, 'amqplib.js')],
  ['amqplib/callback_api', path.join(lib, 'amqplib', 'callback-api.js')],
]);

/** The file that stands in for a module of that name, or null. */
function substituteFor(specifier) {
  return substitutes.get(specifier) ?? null;
}

/** Whether a file is part of this package, which itself builds on the originals. */
function isOurs(file) {
  return typeof file === 'string' && file.startsWith(lib + path.sep);
}

module.exports = { isOurs, substituteFor };
