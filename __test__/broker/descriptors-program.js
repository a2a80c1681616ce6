'use strict';

// A broker in a process that may open few files. On 'fill' it opens files until there is no descriptor left, on 'free' it
// closes them; either is answered when it is done.

const fs = require('node:fs');

const { createBroker } = require('../../lib/broker');

const files = [];

function fill() {
  try {
    while (true) files.push(fs.openSync('/dev/null'));
  } catch (error) {
    return error.code;
  }
}

function free() {
  for (const file of files.splice(0)) fs.closeSync(file);
  return 'freed';
}

process.on('message', (order) => process.send(order === 'fill' ? fill() : free()));
process.on('disconnect', () => process.exit());
createBroker({ port: 0 }).then(({ url }) => process.send(url));
