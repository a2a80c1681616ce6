'use strict';

const { once } = require('node:events');

const CHILDREN = 100;

// A full collection, which only V8's own function does.
require('node:v8').setFlagsFromString('--expose-gc');
const collect = require('node:vm').runInNewContext('gc');

module.exports = {
  question: 'How much of our memory does a running child with three pipes take?',
  contenders: { oxipc: 'oxipc/child_process', node: 'node:child_process' },
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
    // What the first ones cost is not theirs: code, threads, the heap's first growth.
    await Promise.all((await Promise.all(Array.from({ length: CHILDREN }, start))).map(end));
    collect();
    const before = process.memoryUsage();
    const children = await Promise.all(Array.from({ length: CHILDREN }, start));
    collect();
    const after = process.memoryUsage();
    await Promise.all(children.map(end));
    return {
      'resident set': (after.rss - before.rss) / 1024 / CHILDREN,
      heap: (after.heapUsed + after.external - before.heapUsed - before.external) / 1024 / CHILDREN,
    };
  },
};
