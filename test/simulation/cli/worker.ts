import { runPlan } from "../run.ts";
import type { Job } from "./job.ts";
import { runJob } from "./run-job.ts";

/** A process of the pool: takes one job after another and answers each with its outcome. */
process.on("message", (job: Job) => {
  void runJob(runPlan, job).then((outcome) => process.send?.(outcome));
});
process.on("disconnect", () => process.exit(0));
