'use strict';

// Listeners and callbacks that throw while a connection is lost: what they throw is the process's, and the loss is seen
// through all the same: the connection closes, and comes back where it is to.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');

const { method, shortString, withPeer } = require('../support/scripted-peer');

const run = promisify(execFile);
const library = path.join(__dirname, '..', '..', 'lib', 'amqplib');

/** Runs `actions` in another process against a peer that hangs up after the first channel is open and used. */
async function outcome(options, actions, hangUp = (peer) => peer.socket.destroy()) {
  const script = `
    const amqplib = require(${JSON.stringify(library)});
    const thrown = [];
    process.on('uncaughtException', ({ message }) => thrown.push(message));
    const fail = (text) => () => { throw new Error(text); };
    // In a turn of its own, when so many exceptions have come.
    const done = (text, count = 0) => setImmediate(() => {
      if (thrown.length < count) return done(text, count);
      console.log(text, ...thrown.sort());
      process.exit();
    });
    (async () => {
      const connection = await amqplib.connect(process.argv[1], ${options});
      ${actions}
    })();`;
  return withPeer(async (url, accept) => {
    const running = run(process.execPath, ['-e', script, url], { timeout: 60_000 });
    const peer = await accept();
    // The program asks for this when it is ready.
    peer.receive('50.30').then(() => hangUp(peer));
    const { stdout } = await running;
    return stdout.trim();
  });
}

const RECOVERY = '{ recovery: { initialDelay: 1, maxDelay: 1, jitter: 0 } }';
const READY =
  "const ask = await connection.createChannel(); ask.on('error', () => {}); ask.purgeQueue('ready').catch(() => {});";

for (const [event, count] of [
  ['error', 1],
  ['disconnect', 1],
  ['reconnect-scheduled', 1],
  ['connect', 1],
]) {
  test(`a '${event}' listener that throws does not end recovery`, async () => {
    const actions = `
      connection.on('${event}', fail('mine'));
      let isBack = false;
      connection.on('connect', () => {});
      connection.prependListener('connect', () => {
        setImmediate(async () => { await connection.createChannel(); done('back', ${count}); });
      });
      ${READY}`;
    assert.equal(await outcome(RECOVERY, actions), `back${' mine'.repeat(count)}`);
  });
}

test('all of them throw, and those of channels and confirms too', async () => {
  const actions = `
    for (const event of ['error', 'disconnect', 'reconnect-scheduled', 'connect']) connection.on(event, fail(event));
    const setup = await connection.createConfirmChannel();
    for (const event of ['error', 'close', 'drain', 'return']) setup.on(event, fail('channel ' + event));
    setup.publish('', 'q', Buffer.from('x'), {}, fail('confirm'));
    connection.prependListener('connect', () => {
      setImmediate(async () => { await connection.createChannel(); done('back'); });
    });
    ${READY}`;
  const [state] = (await outcome(RECOVERY, actions)).split(' ');
  assert.equal(state, 'back');
});

test("a 'connect-failed' listener that throws does not end recovery", async () => {
  const actions = `
    let failures = 0;
    connection.on('connect-failed', () => { failures++; throw new Error('mine'); });
    connection.on('error', () => {});
    connection.on('reconnect-failed', () => done('given up after ' + failures, 2));
    ${READY}`;
  const options =
    '{ recovery: { initialDelay: 1, maxDelay: 1, jitter: 0, maxRetries: 2, setup: (model) => {\n' +
    "if (globalThis.isSecond) throw new Error('setup'); globalThis.isSecond = true; } } }";
  assert.equal(await outcome(options, actions), 'given up after 2 mine mine');
});

test("an 'error' listener that throws goes to 'handler-error' where that is heard", async () => {
  const actions = `
    connection.on('error', fail('mine'));
    const heard = [];
    connection.on('handler-error', ({ message }, event) => heard.push(message, event));
    connection.prependListener('connect', () => {
      setImmediate(async () => { await connection.createChannel(); done('back ' + heard); });
    });
    ${READY}`;
  assert.equal(await outcome(RECOVERY, actions), 'back mine,error');
});

for (const [name, hangUp, expected] of [
  ['is lost', (peer) => peer.socket.destroy(), 'closed true channel error'],
  [
    'is closed by the server',
    (peer) => peer.send(method(0, 10, 50, [2, 29], shortString('no'), [0, 0, 0, 0])),
    'closed true channel error',
  ],
  [
    'gets nonsense',
    (peer) => peer.send(Buffer.from([1, 0, 1, 0, 0, 0, 1, 0, 0])),
    'closed true channel error',
  ],
]) {
  test(`listeners that throw when a connection ${name}`, async () => {
    const actions = `
      const channel = await connection.createConfirmChannel();
      connection.on('error', fail('error'));
      channel.on('close', fail('channel'));
      connection.on('close', (error) => done('closed ' + (error instanceof Error), 2));
      ${READY}`;
    assert.equal(await outcome('{}', actions, hangUp), expected);
  });
}

test('a handler that throws in a promise ends nothing', async () => {
  const actions = `
    process.on('unhandledRejection', ({ message }) => thrown.push(message));
    connection.on('error', async () => { throw new Error('mine'); });
    connection.prependListener('connect', () => {
      setImmediate(async () => { await connection.createChannel(); done('back'); });
    });
    ${READY}`;
  assert.match(await outcome(RECOVERY, actions), /^back/);
});
