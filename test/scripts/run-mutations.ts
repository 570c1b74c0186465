/**
 * Removes the guards of the consensus core one after another, in a copy, and reports which tests notice.
 *
 *   npm run mutations -w @rstore/test -- [--only <part of a name>]… [--seconds <of schedules, each kind>]
 *
 * Ends with 1 if a mutation was caught by nothing.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { applyMutation } from "../simulation/museum/apply-mutation.ts";
import { museum } from "../simulation/museum/museum.ts";
import type { Mutation } from "../simulation/museum/mutation.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const RANDOMISED = ["schedule.test.ts", "schedule-partitions.test.ts"];
const SUITE_TIMEOUT_MS = 15 * 60_000;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    seconds: { type: "string" },
    schedules: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  },
});

const usage = `Removes the guards of the consensus core one after another, in a copy, and reports which tests notice.

  --only <part of a name>  only these mutations; may be repeated
  --seconds <n>            of randomised schedules, each kind
  --schedules              only the randomised schedules, not the examples

Ends with 1 if a mutation was caught by nothing.`;

/** What noticed the mutation: the names of the tests that failed, or how the run ended. */
type Verdict = readonly string[];

interface Assertions {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly title: string }[];
  }[];
}

function main(): void {
  const scratch = mkdtempSync(join(tmpdir(), "rstore-mutations-"));
  process.once("SIGINT", () => {
    rmSync(scratch, { recursive: true, force: true });
    process.exit(130);
  });
  try {
    prepare(scratch);
    process.exitCode = run(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A copy of the replica's sources that runs with the packages of this repository. */
function prepare(scratch: string): void {
  const keep = (path: string) => !/node_modules|test-results\.json/.test(path);
  cpSync(join(root, "replica"), join(scratch, "replica"), { recursive: true, filter: keep });
  cpSync(join(root, "tsconfig.json"), join(scratch, "tsconfig.json"));
  symlinkSync(join(root, "node_modules"), join(scratch, "node_modules"));
  const config = 'export default { test: { include: ["src/raft/**/*.test.ts"], testTimeout: 1_000_000 } };\n';
  writeFileSync(join(scratch, "replica", "vitest.config.ts"), config);
}

function run(scratch: string): number {
  const unharmed = [...suite(scratch, "examples"), ...suite(scratch, "schedules")];
  if (unharmed.length > 0) {
    console.error(`the tests fail without any mutation: ${unharmed.join("; ")}`);
    return 2;
  }
  const { only } = values;
  const chosen = museum.filter(
    ({ name, file }) =>
      file.startsWith("raft/") && (only === undefined || only.some((part) => name.includes(part))),
  );
  const missed: string[] = [];
  for (const mutation of chosen) {
    const [examples, schedules] = tryMutation(scratch, mutation);
    if (examples.length + schedules.length === 0) missed.push(mutation.name);
    console.log(
      `${mark(examples)} examples  ${mark(schedules)} schedules  ${mutation.name} (${[mutation.rule, ...mutation.faults].filter(Boolean).join(", ")})`,
    );
    for (const title of [...examples.slice(0, 3), ...schedules.slice(0, 3)]) console.log(`      ${title}`);
  }
  console.log(`${chosen.length - missed.length} of ${chosen.length} mutations caught`);
  for (const name of missed) console.log(`not caught: ${name}`);
  return missed.length === 0 ? 0 : 1;
}

function mark(verdict: Verdict): string {
  return verdict.length > 0 ? "caught" : "   -  ";
}

function tryMutation(scratch: string, mutation: Mutation): [examples: Verdict, schedules: Verdict] {
  const path = join(scratch, "replica", "src", mutation.file);
  const source = readFileSync(path, "utf8");
  writeFileSync(path, applyMutation(mutation, source));
  try {
    return [values.schedules === true ? [] : suite(scratch, "examples"), suite(scratch, "schedules")];
  } finally {
    writeFileSync(path, source);
  }
}

/** Runs the transcripts and unit tests, or the random schedules, and returns what failed. */
function suite(scratch: string, kind: "examples" | "schedules"): Verdict {
  const output = join(scratch, "results.json");
  rmSync(output, { force: true });
  const cwd = join(scratch, "replica");
  const which = kind === "schedules" ? RANDOMISED : RANDOMISED.flatMap((file) => ["--exclude", `**/${file}`]);
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const flags = ["run", "--reporter=json", `--outputFile=${output}`, "--bail=3", "--passWithNoTests"];
  const env = { ...process.env, RSTORE_SCHEDULE_SECONDS: values.seconds, RSTORE_SCHEDULE_SHRINK: "0" };
  const result = spawnSync(process.execPath, [vitest, ...flags, ...which], {
    cwd,
    env,
    timeout: SUITE_TIMEOUT_MS,
    stdio: "ignore",
  });
  if (result.error !== undefined) return [`the tests did not end: ${result.error.message}`];
  if (result.status === 0) return [];
  return failures(output);
}

function failures(output: string): Verdict {
  const { testResults } = JSON.parse(readFileSync(output, "utf8")) as Assertions;
  const titles = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === "failed").map(({ title }) => title),
  );
  const messages = testResults
    .map(({ message }) => message.split("\n")[0] ?? "")
    .filter((line) => line !== "");
  return titles.length > 0 ? titles : ["does not load", ...messages];
}

if (values.help === true) console.log(usage);
else main();
