import type { Plan, RunResult } from "../plan/types.ts";

/** One run: of the plan that a seed draws, or of a plan that is given. */
export type Job =
  | { readonly kind: "seed"; readonly seed: number }
  | { readonly kind: "plan"; readonly name: string; readonly plan: Plan };

export type Outcome = Omit<RunResult, "plan"> & {
  /** Time of a processor that the run took: what a busy machine gives to others does not count. */
  readonly cpuMs: number;
};

export interface JobRunner {
  /** How many may run at once. */
  readonly parallel: number;
  /** Never rejects: a run that throws or does not end is an outcome with a violation. */
  run(job: Job): Promise<Outcome>;
  close(): void;
}

/** As people see it. */
export function nameOf(job: Job): string {
  return job.kind === "seed" ? `seed ${job.seed}` : job.name;
}

/** Of a run that gave no result. */
export function brokenOutcome(property: string, message: string, cpuMs = 0): Outcome {
  return {
    violation: { property, message, atUs: 0, step: 0 },
    traceHash: "",
    simulatedMs: 0,
    steps: 0,
    coverage: [],
    note: undefined,
    lastEvents: [],
    cpuMs,
  };
}
