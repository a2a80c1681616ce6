'use strict';

// The other end of a measurement: a script in a process of its own that sends one message once it is ready, and ends when
// the channel to it closes.

const { fork } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');

async function startPartner(script, ...args) {
  const child = fork(path.join(__dirname, 'partners', script), args, { execArgv: [] });
  const ended = once(child, 'exit');
  const [context] = await Promise.race([
    once(child, 'message'),
    ended.then(() => Promise.reject(new Error(`${script} ended before it was ready`))),
  ]);
  return {
    child,
    context,
    async close() {
      child.disconnect();
      await ended;
    },
  };
}

module.exports = { startPartner };
