'use strict';

// The fresh process of one round: see measure.js.

const path = require('node:path');
const { loadCase } = require('./cases');

/** Ours by the package's own name, peers from the project's packages or those of `peers/`. */
function load(name) {
  return require(require.resolve(name, { paths: [__dirname, path.join(__dirname, '..', 'peers')] }));
}

process.once('message', async ({ file, contender, parameters, context }) => {
  const one = loadCase(file);
  try {
    const metrics = await one.measure(load(one.contenders[contender]), parameters, context);
    process.send({ metrics, node: process.version }, () => process.exit());
  } catch (error) {
    process.send({ error: error.stack }, () => process.exit(1));
  }
});
