'use strict';

// What a custom `lookup` and the host may be.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const net = require('../../../lib/net');
const { needsAddon } = require('../../support/needs-addon');
const { sameAsNode } = require('./side-by-side');

const events = ['lookup', 'connectionAttempt', 'error', 'close'];

async function connectWith(options, { net, log, watch }, label) {
  let socket;
  try {
    socket = net.connect({ port: 1, ...options });
  } catch (error) {
    log(label, 'threw', error);
    return;
  }
  watch(label, socket, events);
  await new Promise((resolve) => socket.once('close', resolve));
}

// Given to the callback as they are; none leads to a connection.
const RESULTS = {
  nothing: [null],
  undefined: [null, undefined, 4],
  null: [null, null, 4],
  number: [null, 5, 4],
  object: [null, {}, 4],
  'no address': [null, 'nope', 4],
  'family of another number': [null, '127.0.0.1', 5],
  'no family': [null, '127.0.0.1'],
  'family by name': [null, '127.0.0.1', 'IPv4'],
  'empty list': [null, []],
  'list of nothing': [null, [null]],
  'list of an empty object': [null, [{}]],
  'list with undefined': [null, [{ address: undefined, family: 4 }]],
  'list with a number': [null, [{ address: 5, family: 4 }]],
  'list with an object': [null, [{ address: {}, family: 6 }]],
  'list with another family': [null, [{ address: '127.0.0.1', family: 7 }]],
  'list with a family by name': [null, [{ address: '127.0.0.1', family: 'IPv4' }]],
};

for (const autoSelectFamily of [true, false]) {
  sameAsNode(
    `results of a custom lookup, autoSelectFamily ${autoSelectFamily}`,
    {},
    async ({ net, ...recorder }) => {
      for (const [label, values] of Object.entries(RESULTS)) {
        const lookup = (_host, _options, done) => done(...values);
        const options = { host: 'name.invalid', lookup, autoSelectFamily };
        await connectWith(options, { net, ...recorder }, label);
      }
    },
  );
}

sameAsNode('hosts that are no text', {}, async ({ net, ...recorder }) => {
  for (const host of [1, true, {}, [], () => {}, 1n, Symbol('host')])
    await connectWith({ host }, { net, ...recorder }, typeof host);
});

// Node's own process aborts on these.
for (const address of [Buffer.from('127.0.0.1'), new String('127.0.0.1'), ['127.0.0.1']]) {
  for (const all of [false, true]) {
    test(`a lookup that returns ${address.constructor.name}${all ? ' in a list' : ''}`, {
      skip: needsAddon,
    }, async () => {
      const lookup = (_host, _options, done) =>
        all ? done(null, [{ address, family: 4 }]) : done(null, address, 4);
      const socket = net.connect({ port: 1, host: 'name.invalid', lookup, autoSelectFamily: all });
      const [error] = await once(socket, 'error');
      assert.equal(error.code, 'ERR_INVALID_IP_ADDRESS');
    });
  }
}
