#!/usr/bin/env node
'use strict';

const { parseArgs } = require('node:util');

const { version } = require('../package.json');

const USAGE = `Usage: oxipc broker [options]
       oxipc --version

Runs the embedded AMQP 0-9-1 broker until it is interrupted.

  --port PORT          TCP port; 0 lets the system choose (5672, or none with --socket alone)
  --host HOST          address to listen on (127.0.0.1)
  --loopback-user NAME a user that may come from this machine only (guest); may be repeated, '' for nobody
  --socket PATH        listen on a UNIX socket
  --definitions FILE   users, vhosts, exchanges, queues and bindings in RabbitMQ's definitions.json format
  --forward URL        hand the messages of queues on to a RabbitMQ
  --forward-vhost NAME the vhost here that they are in (/)
  --forward-queue NAME a queue to hand on; may be repeated
  --fetch URL          take the messages of queues from a RabbitMQ
  --fetch-vhost NAME   the vhost here that they go to (/)
  --fetch-queue NAME   a queue to take; may be repeated
  --json               print where it listens as one line of JSON
`;

const OPTIONS = {
  port: { type: 'string' },
  host: { type: 'string' },
  'loopback-user': { type: 'string', multiple: true },
  socket: { type: 'string' },
  definitions: { type: 'string' },
  forward: { type: 'string' },
  'forward-vhost': { type: 'string' },
  'forward-queue': { type: 'string', multiple: true, default: [] },
  fetch: { type: 'string' },
  'fetch-vhost': { type: 'string' },
  'fetch-queue': { type: 'string', multiple: true, default: [] },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', short: 'v', default: false },
};

const PORT_MAX = 65535;

async function main() {
  const { values, positionals } = readArguments();
  const [command, ...rest] = positionals;
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  if (values.version) {
    console.log(version);
    return;
  }
  if (command !== 'broker' || rest.length > 0) {
    const [unknown] = command === 'broker' ? rest : positionals;
    const complaint = unknown === undefined ? 'a command is missing' : `unknown: ${unknown}`;
    process.stderr.write(`oxipc: ${complaint}\n\n${USAGE}`);
    process.exitCode = 1;
    return;
  }
  await runBroker(values);
}

function readLink(links, direction) {
  const url = links[direction];
  const vhost = links[`${direction}-vhost`];
  const queues = links[`${direction}-queue`];
  if (url !== undefined) {
    if (queues.length === 0) throw new Error(`--${direction} needs a --${direction}-queue`);
    return { url, vhost, queues };
  }
  if (vhost !== undefined || queues.length > 0) {
    throw new Error(`--${direction}-${vhost === undefined ? 'queue' : 'vhost'} needs --${direction}`);
  }
  return undefined;
}

/** Of our own, not parseArgs' advice about arguments that begin with a dash. */
function readArguments() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new Error(`${error.message.split(/\.\s/, 1)[0]}; see oxipc --help`);
  }
}

async function runBroker({ port, host, socket: path, definitions, json, ...links }) {
  if (port !== undefined && !(/^\d+$/.test(port) && Number(port) <= PORT_MAX)) {
    throw new Error(`--port takes a number from 0 to ${PORT_MAX}, not ${port}`);
  }
  const { readFile } = require('node:fs/promises');
  const { createBroker } = require('../lib/broker');
  const broker = await createBroker({
    port,
    host,
    path,
    loopbackUsers: links['loopback-user']?.filter((name) => name !== ''),
    forward: readLink(links, 'forward'),
    fetch: readLink(links, 'fetch'),
    definitions: definitions && (await readFile(definitions, 'utf8')),
  });
  // Before anything is printed: who reads the line may send the signal at once.
  let closing = false;
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      // A second Ctrl-C ends it without waiting for the clients.
      if (closing) process.exit(1);
      closing = true;
      broker.close();
    });
  }
  reportLinks(broker);
  const { url } = broker;
  if (json) {
    console.log(
      JSON.stringify({ url, host: broker.host, port: broker.port, path: broker.path, pid: process.pid }),
    );
    return;
  }
  console.log(`Listening on ${url}`);
  if (broker.path && broker.port) console.log(`Listening on ${broker.path}`);
}

/** On stderr, when it changes: a link that fails is tried again and again. */
function reportLinks(broker) {
  const last = {};
  const report = (direction, text) => {
    if (last[direction] === text) return;
    last[direction] = text;
    process.stderr.write(`oxipc: ${direction}: ${text}\n`);
  };
  broker.on('link-open', (direction) => report(direction, 'open'));
  broker.on('link-failed', (direction, error) => report(direction, error.message));
}

main().catch((error) => {
  process.stderr.write(`oxipc: ${error.message}\n`);
  process.exitCode = 1;
});
