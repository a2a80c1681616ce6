'use strict';

// Consumes a queue that is full, without acknowledging; the first message takes long. Tells the most memory it ever had.
//   node flooded.js URL QUEUE MESSAGES

const fs = require('node:fs');

const { connect } = require('../../../lib/amqplib');

// Long enough for all to arrive, if anybody read them.
const BLOCKED_MS = 5000;

function peakBytes() {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'));
  return Number(kilobytes) * 1024;
}

async function main() {
  const [, , url, queue, messages] = process.argv;
  const connection = await connect(url);
  const channel = await connection.createChannel();
  let received = 0;
  await new Promise((resolve) => {
    channel.consume(
      queue,
      () => {
        received++;
        if (received === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCKED_MS);
        if (received === Number(messages)) resolve();
      },
      { noAck: true },
    );
  });
  await connection.close();
  process.send({ received, peakBytes: peakBytes() });
  process.disconnect();
}

main();
