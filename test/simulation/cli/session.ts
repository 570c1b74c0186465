import { type Job, type JobRunner, nameOf, type Outcome } from "./job.ts";
import { Tally } from "./tally.ts";

export interface Failure {
  readonly job: Job;
  readonly outcome: Outcome;
}

export interface SessionOptions {
  readonly runner: JobRunner;
  /** No run begins after it; undefined: until the jobs end. */
  readonly untilMs: number | undefined;
  /** After so many failures no further run begins. */
  readonly failuresMax: number;
  /** Each job twice: both must note the same. */
  readonly twice: boolean;
  readonly progress: (tally: Tally) => void;
  readonly failed: (failure: Failure) => void;
}

export interface SessionResult {
  readonly tally: Tally;
  readonly failures: readonly Failure[];
}

/** Carries out the jobs, as many at once as the runner can. */
export async function runSession(jobs: Iterator<Job>, options: SessionOptions): Promise<SessionResult> {
  const { runner, failuresMax, untilMs } = options;
  const tally = new Tally();
  const failures: Failure[] = [];
  const isOver = (): boolean =>
    failures.length >= failuresMax || (untilMs !== undefined && performance.now() >= untilMs);

  const lane = async (): Promise<void> => {
    while (!isOver()) {
      const next = jobs.next();
      if (next.done === true) return;
      const job = next.value;
      const outcome = await runOnceOrTwice(job, options);
      tally.add(outcome);
      if (outcome.violation !== undefined) {
        failures.push({ job, outcome });
        options.failed({ job, outcome });
      }
      options.progress(tally);
    }
  };
  await Promise.all(Array.from({ length: runner.parallel }, lane));
  return { tally, failures };
}

async function runOnceOrTwice(job: Job, { runner, twice }: SessionOptions): Promise<Outcome> {
  const first = await runner.run(job);
  if (!twice || first.violation !== undefined) return first;
  const second = await runner.run(job);
  if (second.traceHash === first.traceHash) return first;
  const message = `${nameOf(job)} gave trace hash ${first.traceHash}, then ${second.traceHash}`;
  return { ...first, violation: { property: "deterministic", message, atUs: 0, step: first.steps } };
}
