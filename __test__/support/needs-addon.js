'use strict';

// The `skip` of a test about what only the addon has. The conformance tests of child_process and net also run without it.

const { isNative } = require('../../lib/native/no-addon');

const needsAddon = !isNative && 'only the addon has it';

module.exports = { needsAddon };
