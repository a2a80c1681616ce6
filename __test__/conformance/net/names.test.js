'use strict';

// Nothing of ours lies where a program may look or put its own: sockets, servers and the module have Node's names, and options
// that Node ignores do nothing.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const nodes = require('node:net');
const ours = require('../../../lib/net');
const { sameAsNode } = require('./side-by-side');

const BEYOND_NODE = ['messages', 'peerCredentials', 'receiveDescriptors', 'sendDescriptors'];
// The receiving end of Node's own transfer between threads.
const LEFT_OUT = '_TransferredBoundSocket';

// Each meets an option of ours, of a wrapper, or a word that this package uses inside.
const FOREIGN = {
  all: true,
  codec: 'none',
  encoding: 'utf8',
  gid: 'nobody',
  lines: true,
  maxLength: -1,
  messages: true,
  mode: 'production',
  owner: {},
  peerCredentials: true,
  takeOver: 'yes',
  uid: {},
};

const isEnumerable = (object, key) => Object.prototype.propertyIsEnumerable.call(object, key);

/** Everything that can be enumerated, and every own name. */
function namesOf(object) {
  const inherited = [];
  for (const name in object) inherited.push(name);
  return {
    inherited: inherited.filter((name) => name !== LEFT_OUT).sort(),
    own: Object.getOwnPropertyNames(object)
      .filter((name) => name !== LEFT_OUT)
      .sort(),
    // `console.log`, spread and deepEqual see symbols too.
    symbols: Object.getOwnPropertySymbols(object)
      .filter((symbol) => isEnumerable(object, symbol))
      .map(String)
      .sort(),
  };
}

/** Whether `actual` shows what `expected` shows. Node's own code puts more symbols on its objects. */
function assertSameNames(actual, expected, moment) {
  assert.deepEqual([actual.own, actual.inherited], [expected.own, expected.inherited], moment);
  const ofOurs = actual.symbols.filter((symbol) => !expected.symbols.includes(symbol));
  assert.deepEqual(ofOurs, [], moment);
}

test('the module enumerates what the original does', () => {
  assert.deepEqual(namesOf(ours).inherited, namesOf(nodes).inherited);
  for (const name of BEYOND_NODE) {
    assert.equal(Object.hasOwn(ours, name), true, name);
    assert.equal(isEnumerable(ours, name), false, name);
  }
});

test('ES modules find every name', async () => {
  const module = await import('../../../lib/net.js');
  const names = Object.keys(nodes).filter((name) => name !== LEFT_OUT && name !== '_setSimultaneousAccepts');
  for (const name of [...names, ...BEYOND_NODE, 'BoundSocket']) assert.equal(module[name], ours[name], name);
});

for (const name of ['Socket', 'Server', 'BoundSocket'].filter((each) => each in nodes)) {
  test(`${name} and its prototype have the names of the original`, () => {
    assert.deepEqual(namesOf(ours[name]).own, namesOf(nodes[name]).own);
    assertSameNames(namesOf(ours[name].prototype), namesOf(nodes[name].prototype), name);
  });
}

for (const kind of ['port', 'path']) {
  test(`sockets and servers have the names of the original, all their life long: ${kind}`, async (t) => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'net-names-'));
    t.after(() => fs.rmSync(directory, { recursive: true }));
    const targetOf = (name) =>
      kind === 'port' ? { port: 0, host: '127.0.0.1' } : { path: path.join(directory, name) };
    const expected = await lifeOf(nodes, targetOf('nodes'));
    const actual = await lifeOf(ours, targetOf('ours'));
    assert.deepEqual([...actual.keys()], [...expected.keys()]);
    for (const [moment, names] of actual) assertSameNames(names, expected.get(moment), moment);
  });
}

/** The names that its objects have at each moment of a connection. */
async function lifeOf(net, target) {
  const moments = new Map();
  const look = (moment, objects) => {
    for (const [name, object] of Object.entries(objects)) moments.set(`${name}, ${moment}`, namesOf(object));
  };
  const server = net.createServer({ ...FOREIGN });
  look('new', { server, socket: new net.Socket({ ...FOREIGN }) });
  server.listen({ ...FOREIGN, ...target });
  await once(server, 'listening');
  const client = net.connect({ ...FOREIGN, ...target, ...(target.path ? {} : server.address()) });
  look('connecting', { server, client });
  const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
  look('connected', { server, client, accepted });
  client.setKeepAlive(true, 1000);
  client.setNoDelay(true);
  client.write('x');
  client.write('y', () => {});
  await once(accepted, 'data');
  look('used', { client, accepted });
  const ended = [client, accepted].map((socket) => once(socket.resume(), 'end'));
  const closed = [client, accepted].map((socket) => once(socket, 'close'));
  client.end();
  await Promise.all(ended);
  look('ended', { client, accepted });
  await Promise.all(closed);
  server.close();
  await once(server, 'close');
  look('closed', { server, client, accepted });
  return moments;
}

sameAsNode('listen ignores what the original ignores', {}, async ({ net, log, path: pathOf }) => {
  for (const target of [{ port: 0 }, { path: pathOf('socket') }]) {
    const server = net.createServer(FOREIGN).listen({ ...FOREIGN, ...target });
    await once(server, 'listening');
    log(typeof server.address(), target.path && fs.statSync(target.path).mode);
    if (target.path) {
      const second = net.createServer().listen({ ...FOREIGN, ...target, takeOver: true });
      log((await once(second, 'error'))[0].code);
    }
    server.close();
  }
});

sameAsNode('programs may use the events of their sockets as they like', {}, async ({ net, log }) => {
  const socket = new net.Socket();
  for (const event of ['descriptors', 'message', 'messages', 'drop']) {
    socket.on(event, (...facts) => log(event, facts));
    socket.emit(event, 1, 2);
  }
});
