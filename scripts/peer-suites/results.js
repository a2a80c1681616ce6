'use strict';

// What a suite reports, as a map from the name of each test to whether it passed.

class Results extends Map {
  /** A name that comes again gets a number. */
  add(name, passed) {
    let unique = name;
    for (let number = 2; this.has(unique); number++) unique = `${name} (${number})`;
    this.set(unique, passed);
  }

  get passed() {
    return [...this.values()].filter(Boolean).length;
  }
}

/** The points of TAP without those that only sum up what is indented below them. */
function fromTap(text) {
  const results = new Results();
  const parents = [];
  for (const line of text.split('\n')) {
    const subtest = /^( *)# Subtest: (.*)$/.exec(line);
    if (subtest) {
      const depth = subtest[1].length / 4;
      parents.length = depth;
      parents[depth] = { name: subtest[2], hasTests: false };
      if (depth > 0 && parents[depth - 1]) parents[depth - 1].hasTests = true;
      continue;
    }
    // SKIP and TODO are TAP's directives.
    const point = /^( *)(not )?ok \d+(?: -)? ?(.*?)(?: # (SKIP|TODO)\b.*)?$/i.exec(line);
    if (!point) continue;
    const [, indent, failed, name, directive] = point;
    const depth = indent.length / 4;
    if (parents[depth]?.hasTests || directive) continue;
    const path = parents.slice(0, depth).map((parent) => parent?.name);
    results.add([...path, name].join(' > '), failed === undefined);
  }
  return results;
}

function fromJest(report) {
  const results = new Results();
  for (const { assertionResults } of report.testResults) {
    for (const { fullName, status } of assertionResults) {
      if (status === 'passed' || status === 'failed') results.add(fullName, status === 'passed');
    }
  }
  return results;
}

module.exports = { Results, fromJest, fromTap };
