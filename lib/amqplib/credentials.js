'use strict';

// SASL credentials: a mechanism and the response it opens with.

const { writePair } = require('./table');
const { Writer } = require('./writer');

const plain = (username, password) => ({
  mechanism: 'PLAIN',
  response: () => Buffer.from(['', username, password].join('\0')),
  username,
  password,
});

const amqplain = (username, password) => ({
  mechanism: 'AMQPLAIN',
  response: () => {
    const writer = new Writer();
    // The fields of a table without its length.
    writePair(writer, 'LOGIN', username);
    writePair(writer, 'PASSWORD', password);
    return writer.end();
  },
  username,
  password,
});

const external = () => ({
  mechanism: 'EXTERNAL',
  response: () => Buffer.from(''),
});

module.exports = { amqplain, external, plain };
