'use strict';

// A case is a file that answers one question:
//   question    what it answers, in words
//   contenders  name → what to require; `oxipc` is ours, the others are the peers
//   variants    name → parameters (default: one); `oneCpu: true` keeps all processes on one (placement.js)
//   flags       V8's, for the process of a round (default: none)
//   metrics     name → { unit, better: 'lower' | 'higher' }
//   prepare     (parameters) → { context, close }: starts what all contenders talk to, in a process of its own
//   measure     (contender's module, parameters, context) → { metric: number }: one round, in a fresh process

const fs = require('node:fs');
const path = require('node:path');

const folder = path.join(__dirname, '..');
const NOT_CASES = new Set(['harness', 'peers', 'results']);

function findCases(words = []) {
  return fs
    .readdirSync(folder, { recursive: true })
    .filter(
      (file) => file.endsWith('.js') && file.includes(path.sep) && !NOT_CASES.has(file.split(path.sep)[0]),
    )
    .sort()
    .map((file) => loadCase(path.join(folder, file)))
    .filter(
      ({ name, question }) =>
        words.length === 0 || words.some((word) => `${name} ${question}`.includes(word)),
    );
}

function loadCase(file) {
  const name = path.relative(folder, file).replace(/\.js$/, '');
  return {
    variants: { '': {} },
    flags: [],
    prepare: async () => ({ context: {}, close: async () => {} }),
    ...require(file),
    name,
    file,
  };
}

module.exports = { findCases, loadCase };
