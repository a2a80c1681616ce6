'use strict';

/** Something the user has to do first: told in one line, without a stack. */
class SetupError extends Error {}

/** Runs a program to its end; a SetupError becomes one line on stderr and exit code 1. */
async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? process.exitCode;
  } catch (error) {
    console.error(error instanceof SetupError ? `\noxipc: ${error.message}` : error);
    process.exitCode = 1;
  }
}

module.exports = { SetupError, runMain };
