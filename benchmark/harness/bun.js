'use strict';

// The same round in Bun, with its own child_process: `bun` as a contender's module. Its binary comes from npm.

const { execFileSync } = require('node:child_process');
const path = require('node:path');

const PACKAGES = { x64: '@oven/bun-linux-x64', arm64: '@oven/bun-linux-aarch64' };
const peers = path.join(__dirname, '..', 'peers');
const binary = require.resolve(`${PACKAGES[process.arch]}/bin/bun`, { paths: [peers] });

/** The metrics of `measure` of the case in `file`. */
function measureInBun(file, parameters) {
  const script = `
    const { measure } = require(${JSON.stringify(file)});
    measure(require('node:child_process'), ${JSON.stringify(parameters)}, {}).then((metrics) => {
      console.log(JSON.stringify(metrics));
      process.exit();
    });`;
  return JSON.parse(execFileSync(binary, ['-e', script], { encoding: 'utf8' }));
}

module.exports = { measureInBun };
