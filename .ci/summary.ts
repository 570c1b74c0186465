/**
 * Adds up the results that each test run left behind. Arguments: steps that failed; --skipped: what was left out, and
 * how to run it.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";

interface Results {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
}

const { values, positionals: failedSteps } = parseArgs({
  options: { skipped: { type: "string", multiple: true, default: [] } },
  allowPositionals: true,
});

/** What must be there: a run that left none did not come to its end. */
const expected = [
  "charts/test-results.json",
  "client/test-results.json",
  "operator/test-results.json",
  "replica/test-results.json",
  "test/test-results.json",
  "test/test-results-faults.json",
  ...(values.skipped.length > 0
    ? []
    : ["test/test-results-kubernetes.json", "test/test-results-cluster.json"]),
];

const failures = failedSteps.map((step) => `step failed: ${step}`);
for (const file of expected) if (!existsSync(file)) failures.push(`missing: ${file}`);
for (const what of values.skipped) console.log(`SKIPPED: ${what}`);
const totals = { passed: 0, failed: 0, skipped: values.skipped.length };
for (const file of globSync("*/test-results*.json")) {
  const results = JSON.parse(readFileSync(file, "utf8")) as Results;
  totals.passed += results.numPassedTests;
  totals.failed += results.numFailedTests;
  totals.skipped += results.numPendingTests + results.numTodoTests;
}
for (const failure of failures) console.log(failure);
if (totals.failed === 0) totals.failed = failures.length;
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 ? 1 : 0;
