'use strict';

const { mainThreadCpu } = require('./thread-cpu');

const TIMER_MS = 5;

/** Runs `work`, and says how long it took and what it cost the main thread (µs). */
async function stopwatch(work) {
  const start = process.hrtime.bigint();
  const before = mainThreadCpu();
  await work();
  const cpu = mainThreadCpu() - before;
  return { seconds: Number(process.hrtime.bigint() - start) / 1e9, cpu };
}

/**
 * Runs `work`, and says what the main thread was busy with at most while a timer was due, in ms of its own CPU time: what
 * other processes take from it is not its fault.
 */
async function longestStall(work) {
  let last = mainThreadCpu();
  let longest = 0;
  const look = () => {
    const now = mainThreadCpu();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(look, TIMER_MS);
  await work();
  look();
  clearInterval(timer);
  return longest / 1000;
}

module.exports = { longestStall, stopwatch };
