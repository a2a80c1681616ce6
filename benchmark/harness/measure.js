'use strict';

const { fork } = require('node:child_process');
const path = require('node:path');
const { stayOnOneCpu } = require('./placement');
const { OURS } = require('./table');

// A round that takes longer hangs: the longest take a few seconds.
const ROUND_LIMIT_MS = 120_000;

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function quantile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** One round in a fresh process: no contender leaves heap, inline caches or open handles behind for the next. */
function measureOnce(job, { binary, flags }) {
  return new Promise((resolve, reject) => {
    const child = fork(path.join(__dirname, 'round.js'), {
      execPath: binary,
      execArgv: flags,
      timeout: ROUND_LIMIT_MS,
    });
    let answer = null;
    child.on('message', (message) => (answer = message));
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      // A peer may not be there; ours has to be.
      if (answer?.metrics || (answer?.missing && job.contender !== OURS)) resolve(answer);
      else
        reject(
          new Error(
            `${job.file} with ${job.contender}: ${answer?.error ?? answer?.missing ?? `ended with ${signal ?? code}`}`,
          ),
        );
    });
    child.send(job);
  });
}

/** Measures every variant, the contenders taking turns, in turns of changing order. */
async function measureCase(one, { binary, rounds, progress }) {
  const variants = [];
  let node = '';
  for (const [variant, parameters] of Object.entries(one.variants)) {
    const leaveCpu = parameters.oneCpu ? stayOnOneCpu() : () => {};
    const { context, close } = await one.prepare(parameters);
    let names = Object.keys(one.contenders);
    const missing = {};
    const samples = Object.fromEntries(names.map((name) => [name, []]));
    try {
      for (let round = 0; round < rounds; round++) {
        const order = round % 2 ? [...names].reverse() : names;
        for (const contender of order) {
          if (missing[contender]) continue;
          progress.step(one.name, variant, contender, round);
          const answer = await measureOnce(
            { file: one.file, contender, parameters, context },
            { binary, flags: one.flags },
          );
          if (answer.missing) {
            missing[contender] = answer.missing;
            continue;
          }
          samples[contender].push(answer.metrics);
          node = answer.node;
        }
      }
    } finally {
      await close();
      leaveCpu();
    }
    names = names.filter((name) => !missing[name]);
    variants.push({
      variant,
      missing,
      contenders: names.map((name) => ({
        name,
        medians: medians(one, samples[name]),
        samples: samples[name],
      })),
    });
  }
  return { name: one.name, question: one.question, metrics: one.metrics, node, variants };
}

function medians(one, samples) {
  const names = Object.keys(one.metrics);
  return Object.fromEntries(names.map((name) => [name, median(samples.map((sample) => sample[name]))]));
}

module.exports = { measureCase, median, quantile };
