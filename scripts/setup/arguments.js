'use strict';

const { parseArgs } = require('node:util');

/** `parseArgs` with `--help`. It ends the process when that is asked for, with 1 when it cannot follow what is there. */
function readArguments(usage, config) {
  const options = { ...config.options, help: { type: 'boolean', short: 'h', default: false } };
  let read;
  try {
    read = parseArgs({ ...config, options });
  } catch (error) {
    console.error(`oxipc: ${error.message}\n\n${usage}`);
    process.exit(1);
  }
  if (read.values.help) {
    console.log(usage);
    process.exit(0);
  }
  return read;
}

module.exports = { readArguments };
