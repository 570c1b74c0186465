/** Adds up the results that each test run left behind. Arguments: steps that failed. */
import { globSync, readFileSync } from "node:fs";

interface Results {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
}

const failedSteps = process.argv.slice(2);
const files = globSync("*/test-results*.json");
const totals = { passed: 0, failed: 0, skipped: 0 };
for (const file of files) {
  const results = JSON.parse(readFileSync(file, "utf8")) as Results;
  totals.passed += results.numPassedTests;
  totals.failed += results.numFailedTests;
  totals.skipped += results.numPendingTests + results.numTodoTests;
}
for (const step of failedSteps) console.log(`step failed: ${step}`);
if (files.length === 0) console.log("no test results were found");
if (totals.failed === 0) totals.failed = failedSteps.length;
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 || files.length === 0 ? 1 : 0;
