'use strict';

const OURS = 'oxipc';

function format(value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** How many times better ours is: above 1 for faster, whichever way the metric counts. */
function ratio(ours, theirs, better) {
  return better === 'lower' ? theirs / ours : ours / theirs;
}

function printTable({ name, question, metrics, node, variants }) {
  console.log(`\n${question}  (${name}, Node ${node})`);
  const rows = [
    ['', 'contender', ...Object.entries(metrics).map(([metric, { unit }]) => `${metric} (${unit})`)],
  ];
  for (const { variant, contenders } of variants) {
    const ours = contenders.find((contender) => contender.name === OURS);
    for (const contender of contenders) {
      const cells = Object.entries(metrics).map(([metric, { better }]) => {
        const value = contender.medians[metric];
        const factor =
          contender === ours ? '' : `  ${ratio(ours.medians[metric], value, better).toFixed(2)}x`;
        return `${format(value)}${factor}`;
      });
      rows.push([contender === contenders[0] ? variant : '', contender.name, ...cells]);
    }
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows)
    console.log(
      `  ${row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd()}`,
    );
  for (const [name, reason] of Object.entries(Object.assign({}, ...variants.map(({ missing }) => missing))))
    console.log(`  without ${name}: ${reason}`);
  console.log(`  (medians; "x" at a peer: how many times better ${OURS} is)`);
}

module.exports = { OURS, format, printTable, ratio };
