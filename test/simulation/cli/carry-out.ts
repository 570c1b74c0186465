import { join } from "node:path";
import { formatPlan, readPlan } from "../plan/plan-file.ts";
import type { RunPlan } from "../plan/types.ts";
import { type Job, type JobRunner, nameOf, type Outcome } from "./job.ts";
import { coverageTable, failureReport, jsonReport, type KeptPlan } from "./report.ts";
import { isSingle, type Request, type Source, UsageError } from "./request.ts";
import { planOf, runJob } from "./run-job.ts";
import { firstSeedOf, seedsOf } from "./seed-range.ts";
import { type Failure, runSession, type SessionResult } from "./session.ts";
import { shrinkFailure } from "./shrink-failure.ts";
import { formatDuration, type Tally } from "./tally.ts";

/** What the command touches outside of itself. */
export interface Surroundings {
  readonly runPlan: RunPlan;
  readonly createPool: (workers: number) => JobRunner;
  readonly cores: number;
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  /** A line that takes the place of the last one. */
  readonly progress: (line: string) => void;
  readonly writeFile: (path: string, text: string) => void;
  /** Absolute path of what the user named. */
  readonly resolvePath: (path: string) => string;
  /** Files of plans that once failed. */
  readonly regressions: () => readonly string[];
  /** Where plans of failures go. */
  readonly failuresFolder: string;
  readonly randomSeed: () => number;
}

/** True: every property held. Throws a UsageError for files that cannot be read. */
export async function carryOut(request: Request, surroundings: Surroundings): Promise<boolean> {
  const say = request.json ? surroundings.writeError : surroundings.write;
  const regressions = request.regressions ? surroundings.regressions().map(planJob) : [];
  const fresh = jobsOf(request.source, surroundings, say);
  const single = isSingle(request.source) && regressions.length === 0;
  const runner = single
    ? createSingleRunner(request, surroundings)
    : surroundings.createPool(request.workers);
  try {
    const result = await runAll(request, surroundings, { runner, jobs: chain(regressions, fresh) });
    const holds = await report(request, surroundings, { runner, result });
    return holds;
  } finally {
    runner.close();
  }
}

function planJob(path: string): Job {
  try {
    return { kind: "plan", name: path, plan: readPlan(path) };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function* jobsOf(
  source: Source | undefined,
  { resolvePath, randomSeed }: Surroundings,
  say: (text: string) => void,
): Generator<Job> {
  if (source === undefined) return;
  if (source.kind === "plan") {
    yield planJob(resolvePath(source.path));
    return;
  }
  if (source.kind === "seeds") {
    for (const seed of seedsOf(source.range)) yield { kind: "seed", seed };
    return;
  }
  const { by, count } = source;
  const first = by === undefined ? randomSeed() : firstSeedOf(by);
  say(`fresh seeds from ${first} on\n`);
  for (const seed of seedsOf({ first, last: first + count - 1 })) yield { kind: "seed", seed };
}

function* chain(first: Iterable<Job>, second: Iterable<Job>): Generator<Job> {
  yield* first;
  yield* second;
}

/** Within this process, where a profiler and a debugger see it. */
function createSingleRunner(
  { trace }: Request,
  { runPlan, writeFile, resolvePath }: Surroundings,
): JobRunner {
  let isFirst = true;
  return {
    parallel: 1,
    async run(job) {
      if (trace === undefined || !isFirst) return runJob(runPlan, job);
      isFirst = false;
      const lines: string[] = [];
      const outcome = await runJob(runPlan, job, { transcript: (line) => lines.push(line) });
      writeFile(resolvePath(trace), `${lines.join("\n")}\n`);
      return outcome;
    },
    close() {},
  };
}

interface Running {
  readonly runner: JobRunner;
  readonly jobs: Iterator<Job>;
}

function runAll(
  request: Request,
  { progress, writeError }: Surroundings,
  { runner, jobs }: Running,
): Promise<SessionResult> {
  const startedMs = performance.now();
  const lengthMs = request.minutes === undefined ? undefined : request.minutes * 60_000;
  return runSession(jobs, {
    runner,
    untilMs: lengthMs === undefined ? undefined : startedMs + lengthMs,
    failuresMax: request.keepGoing ? Number.POSITIVE_INFINITY : 1,
    twice: request.checkDeterminism,
    failed: ({ job, outcome }) => writeError(`${nameOf(job)} broke ${outcome.violation!.property}\n`),
    progress: (tally: Tally) =>
      progress(`${formatDuration(performance.now() - startedMs)}: ${tally.summary()}`),
  });
}

async function report(
  request: Request,
  surroundings: Surroundings,
  { runner, result }: { readonly runner: JobRunner; readonly result: SessionResult },
): Promise<boolean> {
  const { write, writeError } = surroundings;
  const say = request.json ? writeError : write;
  const { tally, failures } = result;
  const plans = new Map<Failure, KeptPlan>();
  for (const failure of failures) {
    const kept = await keepPlan(failure, request, { surroundings, runner, say });
    plans.set(failure, kept);
    say(failureReport(failure, kept));
  }
  const missing = request.requireCoverage ? missingCoverage(tally, say) : [];
  if (request.json) write(jsonReport(result, plans));
  else if (tally.runs === 1 && failures.length === 0) write(singleReport(tally));
  else write(`${coverageTable(tally.coverage)}\n${remarks(tally)}${tally.summary()}\n`);
  if (missing.length > 0) say(`never happened: ${missing.join(", ")}\n`);
  return failures.length === 0 && missing.length === 0;
}

/** In fewer runs even what is not rare may happen not to happen. */
const coverageMinRuns = 400;

function missingCoverage({ coverage, runs }: Tally, say: (text: string) => void): readonly string[] {
  const missing = coverage.missing();
  if (missing.length === 0 || runs >= coverageMinRuns) return missing;
  say(
    `COVERAGE NOT JUDGED: ${runs} runs are too few, it takes ${coverageMinRuns}; so far never: ${missing.join(", ")}\n`,
  );
  return [];
}

function singleReport(tally: Tally): string {
  return `${coverageTable(tally.coverage)}\n${remarks(tally)}every property held; ${tally.summary()}, trace hash ${tally.lastTraceHash}\n`;
}

function remarks({ notes }: Tally): string {
  return [...notes].map(([note, count]) => `${count} of the runs: ${note}\n`).join("");
}

interface Keeping {
  readonly surroundings: Surroundings;
  readonly runner: JobRunner;
  readonly say: (text: string) => void;
}

/** Writes the smallest plan that was found to fail. */
async function keepPlan(
  failure: Failure,
  { shrinkSeconds }: Request,
  { surroundings, runner, say }: Keeping,
): Promise<KeptPlan> {
  const { job, outcome } = failure;
  const { failuresFolder, progress, writeFile } = surroundings;
  const original = planOf(job);
  const plan = canShrink(outcome)
    ? await shrinkFailure(original, { failure, runner, seconds: shrinkSeconds, progress })
    : original;
  const path = join(failuresFolder, `${original.seed}.json`);
  writeFile(path, formatPlan(plan));
  say(`${nameOf(job)}: ${original.faults.length} faults, shrunk to ${plan.faults.length}\n`);
  return { plan, path };
}

/** What depends on real time or memory is not looked for again and again. */
function canShrink({ violation }: Outcome): boolean {
  return !["ends", "worker-died", "deterministic"].includes(violation!.property);
}
