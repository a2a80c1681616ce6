'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const nodesNet = require('node:net');
const stream = require('node:stream');
const { EventEmitter } = require('node:events');

const net = require('../../../lib/net');
const { sameAsNode } = require('./side-by-side');

// A Windows setting, and the receiving end of Node's own transfer between threads.
const LEFT_OUT = new Set(['_TransferredBoundSocket']);

test('everything that this Node exports is there, as the same type', () => {
  const missing = Object.keys(nodesNet).filter(
    (name) => !LEFT_OUT.has(name) && typeof net[name] !== typeof nodesNet[name],
  );
  assert.deepEqual(missing, []);
});

sameAsNode('every property that a Socket and a Server have', {}, async ({ net, log }) => {
  const skipped = new Set(['_handle', 'constructor']);
  for (const Class of [net.Socket, net.Server]) {
    log(Class.name, Class.length);
    for (const [name, { enumerable, configurable, writable, get, set, value }] of Object.entries(
      Object.getOwnPropertyDescriptors(Class.prototype),
    ).sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (skipped.has(name) || ADDED.has(name)) continue;
      log(name, enumerable, configurable, writable, Boolean(get), Boolean(set), typeof value, value?.length);
    }
  }
});

// More parameters than before Node 26.
const ADDED = new Set(['setKeepAlive']);

sameAsNode('the fields of a new Socket and a new Server', {}, async ({ net, log }) => {
  log(Object.keys(new net.Socket()));
  log(Object.keys(net.createServer()));
});

test('a Socket is a Duplex, a Server an EventEmitter, and both are made without new', () => {
  assert.ok(net.Socket() instanceof stream.Duplex);
  assert.ok(net.Server() instanceof EventEmitter);
  assert.equal(net.Stream, net.Socket);
  assert.equal(net.createConnection, net.connect);
  class Derived extends net.Socket {}
  assert.ok(new Derived() instanceof net.Socket);
});

sameAsNode('isIP, isIPv4, isIPv6', {}, async ({ net, log }) => {
  const inputs = [
    '127.0.0.1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    '1.2.3.4 ',
    '',
    '::',
    '::1',
    '1::',
    ':',
    ':::',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:1.2.3.4',
    '::ffff:1.2.3.4',
    '::1.2.3.4',
    '1::1.2.3.4',
    'fe80::1%eth0',
    'fe80::1%',
    'fe80::1%a b',
    '::1%lo:1',
    '127.0.0.1%lo',
    '2001:db8::ff00:42:8329',
    '12345::',
    'g::',
    '::1/64',
    '[::1]',
    '0::0::0',
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
    undefined,
    null,
    0,
    1,
    {},
    [],
    true,
    ['::1'],
    { toString: () => '::1' },
    { toString: () => '127.0.0.1' },
    '0x7f.1',
    '1.2.3.-4',
    '+1.2.3.4',
    '1..2.3',
    '１.2.3.4',
  ];
  for (const input of inputs) log(String(input), net.isIP(input), net.isIPv4(input), net.isIPv6(input));
  for (const check of ['isIP', 'isIPv4', 'isIPv6']) log(net[check](), net[check].name, net[check].length);
});

sameAsNode('defaults of the family selection', {}, async ({ net, log, attempt }) => {
  log(net.getDefaultAutoSelectFamily(), net.getDefaultAutoSelectFamilyAttemptTimeout());
  for (const value of [1, 'a', null, undefined, {}])
    attempt('family', () => net.setDefaultAutoSelectFamily(value));
  for (const value of [0, -1, 1.5, 'a', null, undefined, 2 ** 31]) {
    attempt('timeout', () => net.setDefaultAutoSelectFamilyAttemptTimeout(value));
  }
  const [family, timeout] = [
    net.getDefaultAutoSelectFamily(),
    net.getDefaultAutoSelectFamilyAttemptTimeout(),
  ];
  net.setDefaultAutoSelectFamily(false);
  net.setDefaultAutoSelectFamilyAttemptTimeout(5);
  log(net.getDefaultAutoSelectFamily(), net.getDefaultAutoSelectFamilyAttemptTimeout());
  net.setDefaultAutoSelectFamily(family);
  net.setDefaultAutoSelectFamilyAttemptTimeout(timeout);
});

sameAsNode('_normalizeArgs', {}, async ({ net, log }) => {
  const callback = () => {};
  for (const args of [
    [],
    [80],
    ['80'],
    ['/path'],
    [80, 'host'],
    [80, callback],
    [80, 'host', callback],
    [{ port: 1 }],
    [{ port: 1 }, callback],
    ['/path', callback],
    [null],
    [undefined],
    [null, callback],
    [-1],
    ['-1'],
    [callback],
    [{ path: '/x' }, 'y'],
  ]) {
    const [options, cb] = net._normalizeArgs(args);
    log(options, cb === callback, cb);
  }
});
