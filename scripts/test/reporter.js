'use strict';

// A reporter for `node --test FILE`: failures in full, and every result as a line of JSON in the file that
// OXIPC_TEST_RESULTS names, from which run-node.js counts.

const fs = require('node:fs');
const path = require('node:path');
const { inspect } = require('node:util');

const results = fs.openSync(process.env.OXIPC_TEST_RESULTS, 'a');
const file = process.env.OXIPC_TEST_FILE;

function indent(text) {
  return text.replace(/^/gm, '    ');
}

function describeError(details) {
  const error = details.error?.cause ?? details.error;
  return inspect(error, { depth: 4, breakLength: 100 });
}

/** The process of the test file as a whole: it reports itself only when it held no test, crashed or hung. */
function isFile(data) {
  return data.nesting === 0 && path.resolve(data.name) === file;
}

function statusOf(type, data) {
  if (data.skip !== undefined) return 'skipped';
  if (data.todo !== undefined) return 'todo';
  if (type === 'test:pass' && isFile(data)) return 'empty';
  return type === 'test:pass' ? 'passed' : 'failed';
}

// A suite counts only for itself: when it is skipped, or when a hook of its own failed.
function isMereSuite(type, data) {
  if (data.details.type !== 'suite') return false;
  if (type === 'test:pass') return data.skip === undefined;
  return data.details.error?.failureType === 'subtestsFailed';
}

module.exports = async function* report(source) {
  const names = [];
  for await (const { type, data } of source) {
    if (type === 'test:start') {
      names[data.nesting] = data.name;
    } else if (type === 'test:stderr' || type === 'test:stdout') {
      yield data.message;
    } else if ((type === 'test:pass' || type === 'test:fail') && !isMereSuite(type, data)) {
      const status = statusOf(type, data);
      const name = [...names.slice(0, data.nesting), data.name].join(' › ');
      fs.writeSync(results, `${JSON.stringify({ status, name, reason: data.skip ?? data.todo })}\n`);
      if (status === 'failed') yield `FAILED ${name}\n${indent(describeError(data.details))}\n`;
    }
  }
};
