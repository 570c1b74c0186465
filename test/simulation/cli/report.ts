import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describePlanned } from "../plan/describe-fault.ts";
import type { Plan } from "../plan/types.ts";
import type { Coverage } from "../world/coverage.ts";
import { nameOf } from "./job.ts";
import type { Failure, SessionResult } from "./session.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const eventsShown = 40;

/** The smallest plan that was found to fail, and the file it is in. */
export interface KeptPlan {
  readonly plan: Plan;
  readonly path: string;
}

/** Everything that a person needs to begin with: what broke, what happened last, and how to see it again. */
export function failureReport({ job, outcome }: Failure, kept: KeptPlan): string {
  const { property, message, atUs, step } = outcome.violation!;
  const path = relative(repository, kept.path);
  const { shape, faults } = kept.plan;
  return [
    "",
    ...outcome.lastEvents.slice(-eventsShown),
    "",
    `${nameOf(job)} broke ${property} at ${(atUs / 1e6).toFixed(6)} s, step ${step}:`,
    `  ${message}`,
    "",
    `the shrunk plan: ${shape.members} members of ${shape.slots} slots, ${shape.clients} clients, ${shape.durationMs} ms`,
    ...(faults.length === 0 ? ["  no faults"] : faults.map(describePlanned)),
    "",
    "run it again:",
    ...(job.kind === "seed" ? [`  npm run sim -- --seed ${job.seed}`] : []),
    `  npm run sim -- --plan ${path}`,
    `  npm run sim -- --plan ${path} --trace trace.txt`,
    "",
  ].join("\n");
}

const columns = 3;

/** Name and count, in columns; what never happened is marked. */
export function coverageTable(coverage: Coverage): string {
  const cells = coverage
    .entries()
    .map(([name, count]) => `${name.padEnd(34)}${String(count).padStart(9)}${count === 0 ? " !" : "  "}`);
  const rows = Math.ceil(cells.length / columns);
  const lines = Array.from({ length: rows }, (_, row) =>
    cells.filter((_cell, i) => i % rows === row).join("  "),
  );
  return lines.map((line) => line.trimEnd()).join("\n");
}

export function jsonReport(
  { tally, failures }: SessionResult,
  plans: ReadonlyMap<Failure, KeptPlan>,
): string {
  const report = {
    runs: tally.runs,
    simulatedMs: tally.simulatedMs,
    cpuMs: Math.round(tally.cpuMs),
    steps: tally.steps,
    simulatedSecondsPerSecondAndCore: Math.round(tally.speed),
    traceHash: tally.runs === 1 ? tally.lastTraceHash : undefined,
    notes: Object.fromEntries(tally.notes),
    coverage: Object.fromEntries(tally.coverage.entries()),
    failures: failures.map((failure) => ({
      name: nameOf(failure.job),
      violation: failure.outcome.violation,
      plan: plans.get(failure)?.path,
    })),
  };
  return `${JSON.stringify(report)}\n`;
}
