'use strict';

const { once } = require('node:events');
const { startPartner } = require('../harness/partner');

const WARM_UP = 500;
const CONNECTIONS = 10_000;
const OPENED_AT_ONCE = 250;

module.exports = {
  question: 'How much memory does a server need for each of 10,000 open connections that are silent?',
  contenders: { oxipc: 'oxipc/net', node: 'node:net' },
  metrics: { memory: { unit: 'bytes per connection (RSS)', better: 'lower' } },
  async measure(net) {
    let connections = 0;
    let awaited = 0;
    let reached = () => {};
    const server = net.createServer(() => {
      if (++connections === awaited) reached();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { child, close } = await startPartner('idle-clients.js', String(server.address().port));
    const open = async (count) => {
      for (awaited = connections; count > 0; count -= OPENED_AT_ONCE) {
        awaited += OPENED_AT_ONCE;
        const there = new Promise((resolve) => (reached = resolve));
        child.send(OPENED_AT_ONCE);
        await there;
      }
    };
    await open(WARM_UP);
    const before = process.memoryUsage().rss;
    await open(CONNECTIONS);
    const memory = (process.memoryUsage().rss - before) / CONNECTIONS;
    await close();
    return { memory };
  },
};
