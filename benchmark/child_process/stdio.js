'use strict';

const { mainThreadCpu } = require('../harness/thread-cpu');

const WARM_UP_BYTES = 64 << 20;
const BYTES = 1 << 30;

/** Reads so many bytes of a child's stdout: seconds and CPU time in microseconds, without the start of the child. */
function read({ spawn }, bytes) {
  return new Promise((resolve, reject) => {
    // dd writes pieces of 64 KiB.
    const child = spawn('dd', ['if=/dev/zero', 'bs=65536', `count=${bytes / 65536}`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let start;
    let before;
    let received = 0;
    child.on('error', reject);
    child.stdout.on('data', (chunk) => {
      if (received === 0) {
        start = process.hrtime.bigint();
        before = mainThreadCpu();
      }
      received += chunk.length;
    });
    child.on('close', () => {
      const seconds = Number(process.hrtime.bigint() - start) / 1e9;
      if (received !== bytes) reject(new Error(`${received} bytes`));
      else resolve({ seconds, cpu: mainThreadCpu() - before });
    });
  });
}

module.exports = {
  question: "How fast is a child's stdout?",
  contenders: { oxipc: 'oxipc/child_process', node: 'node:child_process' },
  variants: { 'one child': {} },
  metrics: {
    stdout: { unit: 'MB/s', better: 'higher' },
    'stdout CPU': { unit: 'ms per GB', better: 'lower' },
  },
  async measure(childProcess) {
    await read(childProcess, WARM_UP_BYTES);
    const { seconds, cpu } = await read(childProcess, BYTES);
    return {
      stdout: BYTES / 1e6 / seconds,
      'stdout CPU': cpu / 1e3 / (BYTES / 1e9),
    };
  },
};
