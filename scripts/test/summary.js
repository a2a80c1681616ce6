'use strict';

/** Prints counts per run and every skip under its reason. Returns the exit code: a skip without a reason is a failure. */
function printSummary(reports) {
  console.log('\nSummary');
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { label, counts } of reports) {
    const skipped = counts.skipped + (counts.todo ?? 0);
    console.log(`  ${label.padEnd(8)} ${counts.passed} passed, ${counts.failed} failed, ${skipped} skipped`);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += skipped;
  }
  console.log(
    `  ${'all'.padEnd(8)} ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`,
  );

  const skips = reports.flatMap(({ label, skips: own }) => own.map((skip) => ({ label, ...skip })));
  const byReason = groupByReason(skips);
  for (const [reason, group] of byReason) {
    console.log(`\nSkipped (${group.length}): ${reason}`);
    for (const { label, name } of group) console.log(`  ${label}: ${name}`);
  }
  const unexplained = byReason.get('no reason given')?.length ?? 0;
  if (unexplained > 0) console.log(`\n${unexplained} skipped without a reason: that counts as failed`);
  return total.failed + unexplained > 0 ? 1 : 0;
}

function groupByReason(skips) {
  const groups = new Map();
  for (const skip of skips) groups.set(skip.reason, [...(groups.get(skip.reason) ?? []), skip]);
  return groups;
}

module.exports = { printSummary };
