'use strict';

// Uses each drop-in module as a program for Node would, and prints what came of it.

const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { amqplib, isNative } = require('oxipc');
const { createBroker } = require('oxipc/broker');
const child_process = require('oxipc/child_process');
const net = require('oxipc/net');
require('oxipc/register');

const print = (...facts) => console.log(JSON.stringify(facts));

const codeOf = (attempt) => {
  try {
    attempt();
  } catch (error) {
    return error.code;
  }
};

async function talk(address) {
  const server = net.createServer((socket) => socket.end('hello'));
  server.listen(address);
  await once(server, 'listening');
  const client = net.connect(address.path ?? server.address().port, '127.0.0.1');
  client.setEncoding('utf8');
  let text = '';
  client.on('data', (chunk) => (text += chunk));
  await once(client, 'close');
  server.close();
  await once(server, 'close');
  return text;
}

async function main() {
  const imported = await import('oxipc/child_process');
  print('isNative', isNative, imported.spawn === child_process.spawn, typeof imported.run);
  print('sync', String(child_process.spawnSync('echo', ['a']).stdout).trim());

  const child = child_process.spawn('cat');
  child.stdin.end('through a child');
  const [data] = await once(child.stdout, 'data');
  print('child', String(data), ...(await once(child, 'close')));

  print('TCP', await talk({ port: 0, host: '127.0.0.1' }));
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-runtime-'));
  print('UNIX', await talk({ path: path.join(folder, 's') }));
  fs.rmSync(folder, { recursive: true });

  const { code } = await amqplib.connect('amqp://127.0.0.1:1').catch((error) => error);
  print('amqplib', code);
  print(
    'only the addon',
    codeOf(() => child_process.run('true')),
    codeOf(() => net.messages({})),
    await createBroker({ port: 0 }).catch((error) => error.code),
  );
}

main();
