import { shrink } from "../plan/shrink.ts";
import type { Plan } from "../plan/types.ts";
import type { JobRunner } from "./job.ts";
import type { Failure } from "./session.ts";

interface ShrinkFailureOptions {
  readonly failure: Failure;
  readonly runner: JobRunner;
  readonly seconds: number;
  readonly progress: (line: string) => void;
}

/** A smaller plan that breaks the same property, as far as there is time. */
export function shrinkFailure(plan: Plan, options: ShrinkFailureOptions): Promise<Plan> {
  const { failure, runner, seconds, progress } = options;
  const { property } = failure.outcome.violation!;
  return shrink(plan, {
    nowMs: () => performance.now(),
    deadlineMs: performance.now() + seconds * 1000,
    stillFails: async (candidate) => {
      const { violation } = await runner.run({ kind: "plan", name: "a smaller plan", plan: candidate });
      return violation?.property === property;
    },
    progress: (best, tried) =>
      progress(`shrinking: ${tried} tried, ${best.faults.length} faults, ${best.shape.members} members`),
  });
}
