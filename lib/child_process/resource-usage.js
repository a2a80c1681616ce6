'use strict';

const FIELDS = [
  'userCPUTime',
  'systemCPUTime',
  'maxRSS',
  'minorPageFault',
  'majorPageFault',
  'fsRead',
  'fsWrite',
  'voluntaryContextSwitches',
  'involuntaryContextSwitches',
];

// child -> numbers in the order of FIELDS, from its end on.
const usages = new WeakMap();

function noteUsage(child, handle) {
  const usage = handle?.usage();
  if (usage) usages.set(child, usage);
}

function usageOf(child) {
  const usage = usages.get(child);
  return usage && Object.fromEntries(FIELDS.map((name, index) => [name, usage[index]]));
}

module.exports = { noteUsage, usageOf };
