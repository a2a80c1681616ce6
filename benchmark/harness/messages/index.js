'use strict';

// What the cases about messages share: the contenders, and a receiver in a process of its own, under the same Node.

const { fork } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');

const contenders = {
  oxipc: './messages/oxipc',
  'process.send': './messages/process-send',
};

/** Starts the receiver of a contender (its module); `told()` is what it says next. */
async function startReceiver(contender, codec, ...counts) {
  const partner = fork(path.join(__dirname, 'partner.js'), [contender.file, codec, ...counts.map(String)], {
    execArgv: [],
  });
  const told = async () => (await once(partner, 'message'))[0];
  const { address } = await told();
  const client = await contender.connect(partner, address, codec);
  return {
    client,
    told,
    async close() {
      client.close();
      const ended = once(partner, 'exit');
      partner.disconnect();
      await ended;
    },
  };
}

module.exports = { contenders, startReceiver };
