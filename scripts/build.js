'use strict';

const { buildAddon, ensureAddon } = require('./setup/addon');
const { readArguments } = require('./setup/arguments');
const { runMain } = require('./setup/stop');

const USAGE = `Usage: npm run build [-- options]

Builds the addon.

  --debug          without optimizations
  --if-stale       unless it is there and up to date
  --target TRIPLE  for another platform`;

const { values } = readArguments(USAGE, {
  options: {
    debug: { type: 'boolean', default: false },
    'if-stale': { type: 'boolean', default: false },
    target: { type: 'string' },
  },
});
const profile = values.debug ? 'debug' : 'release';

runMain(() => (values['if-stale'] ? ensureAddon(profile) : buildAddon(profile, { target: values.target })));
