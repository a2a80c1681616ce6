'use strict';

const { once } = require('node:events');
const os = require('node:os');
const path = require('node:path');

const net = require('../../lib/net');

let serial = 0;

const targets = {
  unix: () => path.join(os.tmpdir(), `oxipc-messages-${process.pid}-${serial++}.sock`),
  tcp: () => ({ port: 0, host: '127.0.0.1' }),
};

/** Two connected sockets, of which nothing outlives the test: [client, server]. */
async function socketPair(
  t,
  { kind = 'unix', server = net, client = net, serverOptions, clientOptions } = {},
) {
  const listener = server.createServer(serverOptions);
  t.after(() => listener.close());
  listener.listen(targets[kind]());
  await once(listener, 'listening');
  const address = listener.address();
  const to = typeof address === 'string' ? { path: address } : { port: address.port, host: '127.0.0.1' };
  const connecting = client.connect({ ...to, ...clientOptions });
  const [[accepted]] = await Promise.all([once(listener, 'connection'), once(connecting, 'connect')]);
  listener.close();
  t.after(() => {
    connecting.destroy();
    accepted.destroy();
  });
  return [connecting, accepted];
}

/** Messages on both ends of a pair: [client, server]. */
async function messagePair(t, options, pairOptions) {
  const [client, server] = await socketPair(t, pairOptions);
  return [net.messages(client, options), net.messages(server, options)];
}

/** The next `count` messages. */
function take(messages, count) {
  return new Promise((resolve, reject) => {
    const values = [];
    const onMessage = (value) => {
      if (values.push(value) < count) return;
      messages.off('message', onMessage);
      resolve(values);
    };
    messages.on('message', onMessage);
    messages.once('close', () => reject(new Error(`closed after ${values.length} of ${count} messages`)));
  });
}

module.exports = { messagePair, socketPair, take };
