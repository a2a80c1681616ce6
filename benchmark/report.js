'use strict';

// node benchmark/report.js RESULTS.json…: prints results of runs, one per Node release, as the Markdown tables of
// docs/performance.md.

const fs = require('node:fs');
const { OURS, format, ratio } = require('./harness/table');

const runs = process.argv.slice(2).map((file) => JSON.parse(fs.readFileSync(file, 'utf8')));

function cell(one, variantName, metric) {
  const variant = one?.variants.find(({ variant: name }) => name === variantName);
  if (!variant) return '';
  const { better } = one.metrics[metric];
  const ours = variant.contenders.find(({ name }) => name === OURS).medians[metric];
  const peers = variant.contenders.filter(({ name }) => name !== OURS);
  const compared = peers.map(({ name, medians }) => {
    const value = medians[metric];
    return `${name} ${format(value)}: **${ratio(ours, value, better).toFixed(2)}x**`;
  });
  return [format(ours), ...compared].join('; ');
}

/** The name and question of every case of any run, with the case as each run measured it. */
function mergedCases() {
  const names = [...new Set(runs.flatMap(({ cases }) => cases.map(({ name }) => name)))].sort();
  return names.map((name) => {
    const each = runs.map(({ cases }) => cases.find((one) => one.name === name));
    return { name, each, first: each.find(Boolean) };
  });
}

function tableOf({ name, each, first }) {
  const variants = [...new Set(each.flatMap((one) => one?.variants.map(({ variant }) => variant) ?? []))];
  const nodes = each.map((one) => one?.node ?? '').filter(Boolean);
  const rows = variants.flatMap((variant) =>
    Object.entries(first.metrics).map(([metric, { unit, better }]) => {
      const cells = each.filter(Boolean).map((one) => cell(one, variant, metric));
      return `| ${[variant, `${metric} (${unit}; ${better} is better)`, ...cells].join(' | ')} |`;
    }),
  );
  return [
    `**${first.question}** (\`benchmark/${name}.js\`)`,
    '',
    `| | | ${nodes.map((node) => `Node ${node.slice(1)}`).join(' | ')} |`,
    `|---|---|${nodes.map(() => '---').join('|')}|`,
    ...rows,
    '',
  ].join('\n');
}

if (runs.length === 0) {
  console.error('usage: node benchmark/report.js RESULTS.json…');
  process.exitCode = 1;
}
for (const merged of mergedCases()) console.log(tableOf(merged));
