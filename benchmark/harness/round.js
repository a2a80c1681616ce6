'use strict';

// The fresh process of one round: see measure.js.

const { loadCase } = require('./cases');

process.once('message', async ({ file, contender, parameters, context }) => {
  const one = loadCase(file);
  try {
    const metrics = await one.measure(require(one.contenders[contender]), parameters, context);
    process.send({ metrics, node: process.version }, () => process.exit());
  } catch (error) {
    process.send({ error: error.stack }, () => process.exit(1));
  }
});
