'use strict';

// Runs the programs of examples/ as a reader would, each in a process of its own, and prints what each said. Ends with 0, or
// says which step failed and ends with 1. The queue programs talk to the embedded broker, which runs here.
//   node scripts/demo.js [--amqp-url URL]      the queue programs against that broker instead

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { Programs } = require('./demo/programs');

// Far more than any step takes (all together: a second or two); it bounds a hang.
const STEP_LIMIT_MS = 30_000;

const { values } = parseArgs({ options: { 'amqp-url': { type: 'string' } } });

const steps = {
  'Child process: spawn, stdin, stdout': async (programs) => {
    const parent = programs.start('spawn-parent.js');
    await parent.says(/Parent received: Child received: Hello from the parent/);
    await parent.says(/Child exited with code 0/);
    await parent.ends();
  },

  'TCP: server and client': async (programs) => {
    const server = programs.start('tcp-server.js', '0');
    const [, port] = await server.says(/listening on port (\d+)/);
    await converse(programs, server, 'tcp-client.js', port);
  },

  'UNIX socket: server and client': async (programs) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-demo-'));
    try {
      const socketPath = path.join(folder, 'demo.sock');
      const server = programs.start('unix-server.js', socketPath);
      await server.says(/listening on/);
      await converse(programs, server, 'unix-client.js', socketPath);
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  },

  'Message queue: publisher and consumer': async (programs) => {
    const broker = values['amqp-url'] ? null : await startBroker();
    const url = values['amqp-url'] ?? broker.url;
    try {
      const consumer = programs.start('consumer.js', url);
      await consumer.says(/Waiting for messages/);
      const publisher = programs.start('publisher.js', url);
      await publisher.says(/Sent: Hello from the publisher/);
      await consumer.says(/Received: Hello from the publisher/);
      await publisher.ends();
      await consumer.ends('SIGTERM');
    } finally {
      await broker?.close();
    }
  },
};

async function startBroker() {
  const { createBroker } = require('oxipc/broker');
  const broker = await createBroker({ port: 0 });
  console.log(`  broker      | Embedded broker listening on ${broker.url}`);
  return broker;
}

async function converse(programs, server, clientFile, address) {
  const client = programs.start(clientFile, address);
  await server.says(/Server received: Hello from the \w+ client/);
  await client.says(/Client received: Echo: Hello from the \w+ client/);
  await client.ends();
  await server.says(/Client disconnected/);
  await server.ends('SIGTERM');
}

/** Waits for a step no longer than the limit, then ends whatever of it still runs. */
async function runStep(step) {
  const programs = new Programs(console.log);
  let timer;
  const limit = new Promise((_, reject) => {
    const error = new Error(`nothing more happened within ${STEP_LIMIT_MS / 1000} s`);
    timer = setTimeout(() => reject(error), STEP_LIMIT_MS);
  });
  // Ctrl-C reaches the programs by itself; a signal to us alone does not.
  const interrupt = () => programs.kill().then(() => process.exit(1));
  process.on('SIGTERM', interrupt);
  try {
    await Promise.race([step(programs), programs.failure, limit]);
  } finally {
    clearTimeout(timer);
    process.off('SIGTERM', interrupt);
    await programs.kill();
  }
}

async function main() {
  for (const [title, step] of Object.entries(steps)) {
    console.log(`\n${title}`);
    try {
      await runStep(step);
    } catch (error) {
      console.error(`\nThe demo failed in step "${title}": ${error.message}`);
      // A broker or a program that hangs must not hold us up.
      process.exit(1);
    }
  }
  console.log('\nAll steps passed.');
}

main();
