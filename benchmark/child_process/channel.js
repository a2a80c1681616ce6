'use strict';

const MESSAGES = 20_000;
// The far side is plain Node in both cases.
const PROGRAM = `
  process.on('message', (message) => {
    if (message.flood) for (let i = 0; i < message.flood; i++) process.send({ i, text: 'some text' });
    else process.send(message);
  });`;

async function ask(child, message) {
  const answered = new Promise((resolve) => child.once('message', resolve));
  child.send(message);
  await answered;
}

module.exports = {
  question: 'How many messages a second come over the channel of fork, with plain Node in the child?',
  contenders: { oxipc: 'oxipc/child_process', node: 'node:child_process' },
  variants: { json: { serialization: 'json' }, advanced: { serialization: 'advanced' } },
  metrics: {
    received: { unit: 'messages/s', better: 'higher' },
    CPU: { unit: 'µs per message received', better: 'lower' },
  },
  async measure({ spawn }, { serialization }) {
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'];
    const child = spawn(process.execPath, ['-e', PROGRAM], { stdio, serialization });
    await ask(child, { first: true });
    const start = process.hrtime.bigint();
    const before = process.cpuUsage();
    child.send({ flood: MESSAGES });
    await new Promise((resolve) => {
      let count = 0;
      child.on('message', () => ++count === MESSAGES && resolve());
    });
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const { user, system } = process.cpuUsage(before);
    child.disconnect();
    return {
      received: MESSAGES / seconds,
      CPU: (user + system) / MESSAGES,
    };
  },
};
