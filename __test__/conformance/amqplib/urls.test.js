'use strict';

// URLs and options, right and wrong: the same error, or the same login, virtual host and wishes at the peer.

const assert = require('node:assert/strict');
const net = require('node:net');
const { test } = require('node:test');

const { ours, sideBySideAlone } = require('./side-by-side');
const { withPeer } = require('../../support/scripted-peer');

const HOST = '127.0.0.1';

/** What connection.start-ok says. */
function readLogin(bytes) {
  let at = 11;
  const long = () => bytes.readUInt32BE((at += 4) - 4);
  const text = (length) => bytes.toString('utf8', at, (at += length));
  const table = long();
  at += table;
  return { mechanism: text(bytes[at++]), response: text(long()), locale: text(bytes[at++]) };
}

/** How connecting ends: what the peer gets to see, or the error. PORT in texts is the peer's. */
async function outcome(scenario, label, argumentsOf) {
  await withPeer(async (url, accept) => {
    const port = Number(new URL(url).port);
    const seen = {};
    accept().then((peer) => {
      const methods = { 10.11: (bytes) => Object.assign(seen, readLogin(bytes)) };
      methods['10.31'] = (bytes) => (seen.wishes = bytes.subarray(11, 19).toString('hex'));
      methods['10.40'] = (bytes) => (seen.virtualHost = bytes.toString('utf8', 12, 12 + bytes[11]));
      peer.onOpening = ({ name, bytes }) => methods[name]?.(bytes);
    });
    await scenario.outcome(label, async () => {
      let connection;
      try {
        connection = await scenario.library.connect(...argumentsOf(port));
      } catch (error) {
        error.message = error.message.replaceAll(`${port}`, 'PORT');
        if (error.port === port) error.port = 'PORT';
        throw error;
      }
      await connection.close();
      return seen;
    });
  });
}

const TEXTS = {
  'users and passwords': [
    ...[
      '',
      'a:b@',
      'a@',
      ':b@',
      'a:@',
      ':@',
      '@',
      'a:b#c@',
      'a:b%23c@',
      'a:b%c@',
      'a:50%@',
      'a:%zz@',
      'a:%u0041@',
    ],
    ...[
      'a:%C3%A9@',
      'a:é@',
      'é:é@',
      'a:b?c@',
      'a:b/c@',
      'a:b@c@',
      'a:b:c@',
      'a%40b:c%3Ad@',
      'a+b:c+d@',
      'a b:c d@',
    ],
    ...[
      'a%00b:c@',
      "a:b'c@",
      'a:b"c@',
      'a:b\\c@',
      'a:b[c]@',
      'a:b^|`{}<>@',
      'a:b;c=d&e$f!g*h(i)@',
      'a:b%2523@',
      'a:\tb@',
    ],
    ...['5#:6@', 'a:5672#@', 'a:12?x@', 'a:1/2@'],
  ].map((login) => `amqp://${login}${HOST}:PORT`),
  ports: [
    '0',
    '65536',
    '99999',
    '-1',
    'abc',
    '',
    '0PORT',
    'PORT.5',
    '1',
    'PORT ',
    ' PORT',
    '+PORT',
    'PORTx',
  ].map((port) => `amqp://${HOST}:${port}`),
  hosts: [
    ...[
      '[::1]:1',
      '::1:1',
      '[::1',
      '[::1]1',
      `[::ffff:${HOST}]:PORT`,
      '127.1:PORT',
      '0x7f.1:PORT',
      '2130706433:PORT',
    ],
    ...[
      '256.256.256.256:PORT',
      'bro%6ber.invalid:PORT',
      'brok er.invalid:PORT',
      'BROKER.invalid:PORT',
      ':PORT',
      '/',
    ],
  ].map((host) => `amqp://${host}`),
  schemes: [
    ...[
      `AMQP://a:b@${HOST}:PORT`,
      `amqp:${HOST}:PORT`,
      `amqp:/${HOST}:PORT`,
      'amqp:',
      'amqps:x',
      `${HOST}:PORT`,
      HOST,
    ],
    ...[
      'localhost:PORT',
      `//${HOST}:PORT`,
      `http://${HOST}:PORT`,
      `mqtt://${HOST}:PORT`,
      `tcp://${HOST}:PORT`,
      'x',
    ],
    ...[` amqp://a:b@${HOST}:PORT `, `amqp://a:b@${HOST}:PORT\n`],
  ],
  'virtual hosts': [
    ...[
      '/',
      '//',
      '/v',
      '/%2f',
      '/%2Fv',
      '/v/w',
      '/%',
      '/%zz',
      '/é',
      '/a b',
      '/a+b',
      '/a%20b',
      '/v#frag',
      '#frag',
    ],
    ...['/a/../b', '/.', '/./v', `/${'v'.repeat(256)}`, `/${'é'.repeat(128)}`, '/%C3%28'],
  ].map((path) => `amqp://${HOST}:PORT${path}`),
  queries: [
    ...[
      'heartbeat=',
      'heartbeat=0',
      'heartbeat=5',
      'heartbeat=abc',
      'heartbeat=5s',
      'heartbeat=1e3',
      'heartbeat=0x10',
    ],
    ...[
      'heartbeat=5&heartbeat=6',
      'heartbeat',
      'heartbeat=%35',
      'heartbeat=5.9',
      'frameMax=',
      'frameMax=0',
      'frameMax=4096',
    ],
    ...[
      'frameMax=abc',
      'frameMax=-1',
      'frameMax=4294967296',
      'channelMax=',
      'channelMax=0',
      'channelMax=65536',
    ],
    ...[
      'channelMax=-1',
      'channelMax=abc',
      'channelMax=1.5',
      'locale=',
      'locale=de_DE',
      `locale=${'x'.repeat(256)}`,
    ],
    ...[
      'maxFrameSize=',
      'maxFrameSize=0',
      'maxFrameSize=5',
      'maxFrameSize=4096',
      'maxFrameSize=-1',
      'maxFrameSize=1e9',
    ],
    ...[
      'maxFrameSize=abc',
      'unknown=1',
      'HEARTBEAT=5',
      'heart%62eat=5',
      'vhost=x',
      '__proto__=1',
      'toString=1',
      '=',
      '&&',
    ],
  ].map((query) => `amqp://${HOST}:PORT?${query}`),
};
for (const [what, texts] of Object.entries(TEXTS)) {
  sideBySideAlone(`URLs: ${what}`, async (scenario) => {
    for (const text of texts) await outcome(scenario, text, (port) => [text.replaceAll('PORT', port)]);
  });
}

const VALUES = [
  null,
  undefined,
  '',
  0,
  'x',
  'a#b%c',
  '%2f',
  '%',
  NaN,
  true,
  false,
  {},
  [],
  ['x'],
  4096,
  65536.5,
  '4097',
];
const shown = (value) => (typeof value === 'string' ? JSON.stringify(value) : String(value));
const NAMES = [
  'username',
  'password',
  'vhost',
  'locale',
  'hostname',
  'protocol',
  'heartbeat',
  'frameMax',
  'channelMax',
];
for (const name of [...NAMES, 'maxFrameSize', 'port']) {
  sideBySideAlone(`objects: ${name}`, async (scenario) => {
    for (const value of VALUES) {
      // Of a wish above what can be said the most is said.
      if (name === 'heartbeat' && value > 0xffff) continue;
      await outcome(scenario, shown(value), (port) => [{ hostname: HOST, port, [name]: value }]);
    }
  });
}

sideBySideAlone('other things than URLs', async (scenario) => {
  const forms = {
    'a URL': (port) => new URL(`amqp://a:b@${HOST}:${port}/v`),
    'other names': (port) => ({ hostname: HOST, port, user: 'a', pass: 'b', host: 'x' }),
    'a frozen object': (port) => Object.freeze({ hostname: HOST, port }),
    'no prototype': (port) => Object.assign(Object.create(null), { hostname: HOST, port }),
    inherited: (port) => Object.create({ hostname: HOST, port }),
    'port as text': (port) => ({ hostname: HOST, port: `${port}` }),
    'a number': () => 5,
    'a function': () => () => {},
    'a symbol': () => Symbol('x'),
    true: () => true,
  };
  for (const [label, form] of Object.entries(forms)) await outcome(scenario, label, (port) => [form(port)]);
});

const OPTIONS = {
  timeout: [0, -1, NaN, 'x', Infinity, 2 ** 33, null, {}, true, 60_000.5],
  noDelay: ['x', 1, null],
  keepAlive: ['x', 1, null],
  keepAliveDelay: ['x', -1, 1000, null, {}],
  clientProperties: [
    null,
    'x',
    [],
    ['a'],
    { a: undefined },
    { a: null },
    { product: 'p' },
    { a: Symbol('x') },
  ],
  credentials: [
    ...[null, 'x', {}, { mechanism: 'PLAIN' }, { mechanism: 5, response: () => Buffer.from('x') }],
    ...[{ response: () => Buffer.from('x') }, { mechanism: 'NOPE', response: () => Buffer.from('x') }],
    ...[
      { mechanism: 'PLAIN', response: () => 'x' },
      { mechanism: 'PLAIN', response: () => Buffer.from('\0a\0b') },
    ],
  ],
  host: ['127.0.0.9', 5],
  port: [1, 'x'],
  lookup: ['x', 5, null],
  path: ['', null, 5, '/nonexistent/socket'],
  autoSelectFamily: ['x', 1, null, true],
  autoSelectFamilyAttemptTimeout: [0, -1, 'x', 1.5, 5, null],
  signal: ['x', {}],
};
for (const [name, values] of Object.entries(OPTIONS)) {
  sideBySideAlone(`options: ${name}`, async (scenario) => {
    for (const [index, value] of values.entries()) {
      await outcome(scenario, index, (port) => [{ hostname: HOST, port }, { [name]: value }]);
    }
  });
}

const PEERS = {
  TLS: (socket) => socket.once('data', () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, 70]))),
  'TLS of old': (socket) => socket.once('data', () => socket.end(Buffer.from([21, 3, 1, 0, 2, 2, 40]))),
  HTTP: (socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')),
  'HTTP of old': (socket) => socket.once('data', () => socket.end('HTTP/1.0 400 Bad Request\r\n\r\n')),
  SMTP: (socket) => socket.end('220 mail.example.test ESMTP\r\n'),
  SSH: (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
  Redis: (socket) => socket.once('data', () => socket.end("-ERR unknown command 'AMQP'\r\n")),
  'another version of AMQP': (socket) => socket.once('data', () => socket.end('AMQP\x00\x01\x00\x00')),
  nothing: (socket) => socket.end(),
};
for (const [name, behave] of Object.entries(PEERS)) {
  sideBySideAlone(`a port that speaks ${name}`, async (scenario) => {
    const sockets = [];
    const server = net.createServer((socket) => {
      sockets.push(socket.on('error', () => {}));
      behave(socket);
    });
    await new Promise((resolve) => server.listen(0, HOST, resolve));
    const url = `amqp://${HOST}:${server.address().port}`;
    await scenario.outcome('connect', () => scenario.library.connect(url));
    for (const socket of sockets) socket.destroy();
    server.close();
  });
}

for (const [name, expected] of [
  ['TLS', /speaks TLS/],
  ['HTTP', /speaks HTTP/],
  ['SMTP', undefined],
]) {
  test(`the error's cause says that the port speaks ${name}`, async () => {
    const server = net.createServer((socket) => PEERS[name](socket.on('error', () => {})));
    await new Promise((resolve) => server.listen(0, HOST, resolve));
    const error = await ours.promise
      .connect(`amqp://${HOST}:${server.address().port}`)
      .catch((thrown) => thrown);
    if (expected === undefined) assert.equal(error.cause, undefined);
    else assert.match(error.cause.message, expected);
    server.close();
  });
}
