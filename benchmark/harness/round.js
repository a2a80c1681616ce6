'use strict';

// The fresh process of one round: see measure.js.

const { loadCase } = require('./cases');
const { load } = require('./load');

const BUN = 'bun';

process.once('message', async ({ file, contender, parameters, context }) => {
  const one = loadCase(file);
  const name = one.contenders[contender];
  let module;
  try {
    module = name === BUN ? require('./bun') : load(name);
  } catch (error) {
    process.send({ missing: error.message.split('\n')[0] }, () => process.exit());
    return;
  }
  try {
    const metrics =
      name === BUN ? module.measureInBun(file, parameters) : await one.measure(module, parameters, context);
    process.send({ metrics, node: process.version }, () => process.exit());
  } catch (error) {
    process.send({ error: error.stack }, () => process.exit(1));
  }
});
