'use strict';

const path = require('node:path');

/** Ours by the package's own name, peers from the project's packages or those of `peers/`, helpers relative to here. */
function load(name) {
  return require(require.resolve(name, { paths: [__dirname, path.join(__dirname, '..', 'peers')] }));
}

module.exports = { load };
