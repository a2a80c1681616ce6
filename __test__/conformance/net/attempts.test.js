'use strict';

// Happy Eyeballs against an address that does not answer: a listener whose queue is full drops what else comes.

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const nodesNet = require('node:net');
const { after, before } = require('node:test');
const { sameAsNode } = require('./side-by-side');

const BACKLOG = 1;

// Listens and never accepts: its thread sleeps for good.
const DEAF = `
  const server = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: ${BACKLOG} }, () => {
    process.send(server.address().port, () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });`;

// The port of a listener on 127.0.0.1 that answers nobody.
let port;
const open = [];

before(async () => {
  const child = spawn(process.execPath, ['-e', DEAF], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  open.push({ destroy: () => child.kill('SIGKILL') });
  [port] = await once(child, 'message');
  // The kernel queues one more than was asked for.
  for (let index = 0; index <= BACKLOG; index++) {
    const filler = nodesNet.connect(port, '127.0.0.1');
    open.push(filler);
    await once(filler, 'connect');
  }
});

after(() => open.map((each) => each.destroy()));

function watchAttempts(socket, log) {
  for (const event of [
    'lookup',
    'connectionAttempt',
    'connectionAttemptFailed',
    'connectionAttemptTimeout',
    'connect',
    'ready',
  ]) {
    socket.on(event, (...args) => log(event, ...args));
  }
  return socket;
}

const to =
  (...addresses) =>
  (host, options, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );

sameAsNode('the next address is tried when one does not answer', {}, async ({ net, log, named }) => {
  named(port, 'PORT');
  const server = net.createServer((socket) => socket.end()).listen(port, '127.0.0.2');
  await once(server, 'listening');
  for (const autoSelectFamilyAttemptTimeout of [1, 20]) {
    const lookup = to('127.0.0.1', '127.0.0.2');
    const options = { port, host: 'x.test', lookup, autoSelectFamily: true, autoSelectFamilyAttemptTimeout };
    const client = watchAttempts(net.connect(options), log);
    await once(client.resume(), 'close');
    log(client.autoSelectFamilyAttemptedAddresses, client.destroyed);
  }
  server.close();
});

sameAsNode('all addresses fail, the first by silence', {}, async ({ net, log, named }) => {
  named(port, 'PORT');
  const lookup = to('127.0.0.1', '127.0.0.3', '::1');
  const options = { port, host: 'x.test', lookup, autoSelectFamilyAttemptTimeout: 10 };
  const client = watchAttempts(net.connect(options), log);
  const [error] = await once(client, 'error');
  log(error, error.errors);
  await once(client, 'close');
  log(client.autoSelectFamilyAttemptedAddresses, client.readyState);
});

for (const how of ['destroy', 'abort']) {
  sameAsNode(`${how}() while an attempt is under way`, {}, async ({ net, log, named }) => {
    named(port, 'PORT');
    const controller = new AbortController();
    const lookup = to('127.0.0.1', '127.0.0.3');
    const client = watchAttempts(
      net.connect({
        port,
        host: 'x.test',
        lookup: (...args) => setImmediate(lookup, ...args),
        autoSelectFamilyAttemptTimeout: 200,
        signal: controller.signal,
      }),
      log,
    );
    client.on('error', (error) => log('error', error));
    client.on('connectionAttempt', () =>
      setImmediate(() => (how === 'destroy' ? client.destroy() : controller.abort())),
    );
    await once(client, 'close').catch(() => once(client, 'close'));
    log('close', client.destroyed, client.connecting);
    // Behind the attempt's timer, which was to run as long: were it still running, it would tell first.
    await new Promise((r) => setTimeout(r, 200));
  });
}

sameAsNode('destroy() when an attempt has timed out', {}, async ({ net, log, named }) => {
  named(port, 'PORT');
  const lookup = to('127.0.0.1', '127.0.0.3');
  const options = { port, host: 'x.test', lookup, autoSelectFamilyAttemptTimeout: 10 };
  const client = watchAttempts(net.connect(options), log);
  client.on('connectionAttemptTimeout', () => client.destroy());
  client.on('error', (error) => log('error', error));
  await once(client, 'close');
  log(client.autoSelectFamilyAttemptedAddresses, client.destroyed);
});
