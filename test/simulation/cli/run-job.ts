import { drawPlan } from "../plan/draw-plan.ts";
import type { Plan, RunOptions, RunPlan } from "../plan/types.ts";
import { fromEventLoop } from "../world/microtasks.ts";
import { brokenOutcome, type Job, type Outcome } from "./job.ts";

export function planOf(job: Job): Plan {
  return job.kind === "seed" ? drawPlan(job.seed) : job.plan;
}

/** In this process. What the simulation itself throws is an outcome too. */
export async function runJob(
  runPlan: RunPlan,
  job: Job,
  options: RunOptions = { transcript: undefined },
): Promise<Outcome> {
  const started = process.cpuUsage();
  const tookMs = (): number => {
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1000;
  };
  try {
    const { plan: _, ...result } = await fromEventLoop(() => runPlan(planOf(job), options));
    return { ...result, cpuMs: tookMs() };
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return brokenOutcome("simulator-threw", text, tookMs());
  }
}
