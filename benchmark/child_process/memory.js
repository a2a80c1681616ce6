'use strict';

const { once } = require('node:events');

const CHILDREN = 1000;
// More than the spawner threads of ours.
const WARM_UP = 16;

module.exports = {
  question: 'How much of our memory does a running child with three pipes take?',
  contenders: { oxipc: 'oxipc/child_process', node: 'node:child_process' },
  // V8 enlarges the space for young objects by up to 16 MB when much of it survives: more than all children take together.
  // And a full collection, which only V8's own function does.
  flags: ['--max-semi-space-size=1', '--expose-gc'],
  metrics: {
    'resident set': { unit: 'KB per child', better: 'lower' },
    heap: { unit: 'KB per child', better: 'lower' },
  },
  async measure({ spawn }) {
    const start = async () => {
      const child = spawn('cat');
      child.stdout.on('data', () => {});
      child.stderr.on('data', () => {});
      await once(child, 'spawn');
      return child;
    };
    const end = async (child) => {
      child.stdin.end();
      await once(child, 'close');
    };
    // What the first ones cost is not theirs: code and threads. Few, since memory that they leave free would be used again.
    await Promise.all((await Promise.all(Array.from({ length: WARM_UP }, start))).map(end));
    globalThis.gc();
    const before = process.memoryUsage();
    const children = await Promise.all(Array.from({ length: CHILDREN }, start));
    globalThis.gc();
    const after = process.memoryUsage();
    await Promise.all(children.map(end));
    return {
      'resident set': (after.rss - before.rss) / 1024 / CHILDREN,
      heap: (after.heapUsed + after.external - before.heapUsed - before.external) / 1024 / CHILDREN,
    };
  },
};
