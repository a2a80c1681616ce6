'use strict';

// Connects and closes 1,000 times, fails 300 times, and prints what the process has before and afterwards.
//   node --expose-gc connect-and-close.js URL REFUSING-URL

const fs = require('node:fs');
const { connect } = require('../../../lib/amqplib');

const [url, refusing] = process.argv.slice(2);
const wrongPassword = url.replace('amqp://', 'amqp://guest:wrong@');

async function cycles(connections, failures) {
  for (let index = 0; index < connections; index++) {
    const connection = await connect(url);
    if (index % 10 === 0) await connection.createChannel();
    await connection.close();
  }
  for (let index = 0; index < failures; index++) {
    await connect(index % 2 ? refusing : wrongPassword).then(
      () => process.exit(1),
      () => {},
    );
  }
}

const countOf = (folder) => fs.readdirSync(folder).length;

async function state() {
  // Finalizers run on turns of their own.
  for (let turn = 0; turn < 10; turn++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
  return {
    descriptors: countOf('/proc/self/fd'),
    threads: countOf('/proc/self/task'),
    bytes: process.memoryUsage.rss(),
  };
}

async function main() {
  // Until pools, caches and the heap have their size.
  await cycles(300, 100);
  const before = await state();
  await cycles(1000, 300);
  // The last sockets go when both sides have seen the end; those of the warm-up may be in the count before.
  while (countOf('/proc/self/fd') > before.descriptors) await new Promise(setImmediate);
  console.log(JSON.stringify({ before, afterwards: await state() }));
}

main();
