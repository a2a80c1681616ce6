'use strict';

// node scripts/build.js [--debug] [--if-stale] [--target TRIPLE]

const { parseArgs } = require('node:util');
const { buildAddon, ensureAddon } = require('./setup/addon');
const { runMain } = require('./setup/stop');

const { values } = parseArgs({
  options: {
    debug: { type: 'boolean', default: false },
    'if-stale': { type: 'boolean', default: false },
    target: { type: 'string' },
  },
});
const profile = values.debug ? 'debug' : 'release';

runMain(() => (values['if-stale'] ? ensureAddon(profile) : buildAddon(profile, { target: values.target })));
