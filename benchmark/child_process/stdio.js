'use strict';

const { median } = require('../harness/measure');

const BYTES = 512 * 1024 * 1024;
const ROUND_TRIPS = 2000;

function throughput({ spawn }) {
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    // dd writes pieces of 64 KiB.
    const child = spawn('dd', ['if=/dev/zero', 'bs=65536', `count=${BYTES / 65536}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let bytes = 0;
    child.on('error', reject);
    child.stdout.on('data', (chunk) => (bytes += chunk.length));
    child.on('close', () => {
      if (bytes !== BYTES) reject(new Error(`${bytes} bytes`));
      else resolve(bytes / 1e6 / (Number(process.hrtime.bigint() - start) / 1e9));
    });
  });
}

async function roundTrip({ spawn }) {
  const child = spawn('cat');
  const samples = [];
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    const start = process.hrtime.bigint();
    const answered = new Promise((resolve) => child.stdout.once('data', resolve));
    child.stdin.write('ping');
    await answered;
    samples.push(Number(process.hrtime.bigint() - start) / 1e3);
  }
  child.stdin.end();
  await new Promise((resolve) => child.on('close', resolve));
  return median(samples);
}

module.exports = {
  question: "How fast is a child's stdout, and an echo through its stdin and stdout?",
  contenders: { oxipc: 'oxipc/child_process', node: 'node:child_process' },
  variants: { 'one child': {} },
  metrics: {
    stdout: { unit: 'MB/s', better: 'higher' },
    echo: { unit: 'µs', better: 'lower' },
  },
  async measure(childProcess) {
    return { stdout: await throughput(childProcess), echo: await roundTrip(childProcess) };
  },
};
