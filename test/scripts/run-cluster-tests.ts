/**
 * npm run test:cluster -- [--all] [options of vitest]
 *
 * --all: also what takes longer than fits into a CI run.
 */
import { spawnSync } from "node:child_process";

const args = process.argv.slice(2);
const options = args.filter((arg) => arg !== "--all");
const env = { ...process.env, ...(options.length < args.length && { RSTORE_CLUSTER_ALL: "true" }) };
const { status, error } = spawnSync("vitest", ["run", "--mode", "cluster", ...options], {
  stdio: "inherit",
  env,
});
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
