'use strict';

// Below AMQP: TLS with its options, UNIX sockets.

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');

const original = require('amqplib');
const ours = require('../../lib/amqplib');
const { createBroker } = require('../../lib/broker');
const { Certificates, withTls } = require('../support/tls-front');

const certificates = new Certificates();
const read = (name) => certificates.read(name);

let broker;

before(async () => {
  certificates.issue('server', 'DNS:localhost,IP:127.0.0.1');
  certificates.issue('other', 'DNS:other.example');
  certificates.issue('client', 'DNS:client.example');
  certificates.openssl(
    'rsa',
    '-in',
    'client.key',
    '-aes256',
    '-passout',
    'pass:secret',
    '-out',
    'client.locked.key',
  );
  broker = await createBroker({ port: 0, path: certificates.file('broker.sock') });
});

after(async () => {
  await broker?.close();
  certificates.remove();
});

async function speak(amqplib, url, options) {
  const connection = await amqplib.connect(url, options);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const body = Buffer.alloc(100_000, 'x');
  channel.sendToQueue(queue, body);
  let message;
  while (!message) message = await channel.get(queue, { noAck: true });
  assert.ok(message.content.equals(body));
  await connection.close();
}

const server = () => ({ cert: read('server.pem'), key: read('server.key') });

for (const [name, amqplib] of Object.entries({ amqplib: original, oxipc: ours })) {
  test(`TLS with an authority, names and addresses (${name})`, async () => {
    const clients = await withTls(broker, server(), async (port) => {
      await speak(amqplib, `amqps://localhost:${port}`, { ca: [read('ca.pem')] });
      await speak(amqplib, `amqps://127.0.0.1:${port}`, { ca: read('ca.pem').toString() });
      await speak(amqplib, `amqps://127.0.0.1:${port}`, { ca: read('ca.pem'), servername: 'localhost' });
      await speak(amqplib, { protocol: 'amqps', hostname: 'localhost', port }, { rejectUnauthorized: false });
    });
    assert.deepEqual(
      clients.map(({ servername }) => servername),
      ['localhost', false, 'localhost', 'localhost'],
    );
  });

  test(`a client certificate is shown, its key may be locked (${name})`, async () => {
    const wanting = { ...server(), ca: read('ca.pem'), requestCert: true, rejectUnauthorized: true };
    const clients = await withTls(broker, wanting, async (port) => {
      const url = `amqps://localhost:${port}`;
      const shown = { ca: read('ca.pem'), cert: read('client.pem') };
      await speak(amqplib, url, { ...shown, key: read('client.key') });
      await speak(amqplib, url, { ...shown, key: read('client.locked.key'), passphrase: 'secret' });
    });
    assert.deepEqual(
      clients.map(({ subject }) => subject),
      ['client', 'client'],
    );
  });

  test(`a certificate of an unknown authority or for another name is refused (${name})`, async () => {
    await withTls(broker, server(), async (port) => {
      await assert.rejects(speak(amqplib, `amqps://localhost:${port}`), {
        code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      });
    });
    await withTls(broker, { cert: read('other.pem'), key: read('other.key') }, async (port) => {
      await assert.rejects(speak(amqplib, `amqps://localhost:${port}`, { ca: read('ca.pem') }), {
        code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      });
    });
  });

  test(`TLS to a peer that speaks none fails (${name})`, async () => {
    await assert.rejects(speak(amqplib, `amqps://127.0.0.1:${broker.port}`, { ca: read('ca.pem') }), Error);
  });

  test(`a UNIX socket as path of the options (${name})`, async () => {
    await speak(amqplib, 'amqp://localhost', { path: broker.path });
  });
}

test('a UNIX socket by URL and by object', async () => {
  await speak(ours, `amqp+unix://${broker.path}`);
  await speak(ours, `amqp+unix://guest:guest@localhost${broker.path}?vhost=%2F&heartbeat=5`);
  await speak(ours, { protocol: 'amqp+unix', path: broker.path });
  await assert.rejects(ours.connect(`amqp+unix://${broker.path}.missing`), {
    code: 'ENOENT',
    syscall: 'connect',
    address: `${broker.path}.missing`,
  });
});
