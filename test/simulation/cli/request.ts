import type { SeedRange } from "./seed-range.ts";
import { parseSeedRange } from "./seed-range.ts";

/** The flags as commander gives them. */
export interface Flags {
  readonly seed?: number;
  readonly seeds?: SeedRange;
  readonly plan?: string;
  readonly fresh?: boolean;
  readonly regressions?: boolean;
  readonly ci?: boolean;
  readonly by?: string;
  readonly minutes?: number;
  readonly workers: number;
  readonly trace?: string;
  readonly json?: boolean;
  readonly checkDeterminism?: boolean;
  readonly requireCoverage?: boolean;
  readonly keepGoing?: boolean;
  readonly shrinkSeconds: number;
}

export type Source =
  | { readonly kind: "seeds"; readonly range: SeedRange }
  | { readonly kind: "plan"; readonly path: string }
  /** One after another from one that nobody chose, or that `by` leads to. */
  | { readonly kind: "fresh"; readonly by: string | undefined; readonly count: number };

/** What was asked for. */
export interface Request {
  /** undefined: only the regressions. */
  readonly source: Source | undefined;
  readonly regressions: boolean;
  readonly minutes: number | undefined;
  readonly workers: number;
  readonly trace: string | undefined;
  readonly json: boolean;
  readonly checkDeterminism: boolean;
  readonly requireCoverage: boolean;
  readonly keepGoing: boolean;
  readonly shrinkSeconds: number;
}

/** For fresh seeds when nobody says how long. */
const freshMinutes = 1;
/** Room for any number of runs. */
const freshCount = 1e12;
/** Always so many, that whoever tries a commit tries the same; a machine that is too busy stops before. */
export const ciSeeds = 60;
export const ciMinutes = 4;

/** Throws a UsageError when the flags do not go together. */
export function requestOf(flags: Flags): Request {
  const { seed, seeds, plan, fresh, by, trace, ci = false } = flags;
  const sources: Source[] = [];
  const freshSource: Source = { kind: "fresh", by, count: ci ? ciSeeds : freshCount };
  if (seed !== undefined) sources.push({ kind: "seeds", range: { first: seed, last: seed } });
  if (seeds !== undefined) sources.push({ kind: "seeds", range: seeds });
  if (plan !== undefined) sources.push({ kind: "plan", path: plan });
  if (fresh === true || ci) sources.push(freshSource);
  if (sources.length > 1) throw new UsageError("give one of --seed, --seeds, --plan, --fresh and --ci");
  const [given] = sources;
  const source = given ?? (flags.regressions === true ? undefined : freshSource);
  if (by !== undefined && source?.kind !== "fresh") {
    throw new UsageError("--by chooses fresh seeds: give it with --fresh or --ci");
  }
  if (trace !== undefined && !isSingle(source)) {
    throw new UsageError("--trace writes the transcript of one run: give --seed or --plan");
  }
  const minutes = flags.minutes ?? (ci ? ciMinutes : undefined);
  return {
    source,
    regressions: flags.regressions === true || ci,
    minutes: minutes ?? (source?.kind === "fresh" ? freshMinutes : undefined),
    workers: flags.workers,
    trace,
    json: flags.json === true,
    checkDeterminism: flags.checkDeterminism === true,
    requireCoverage: flags.requireCoverage === true || ci,
    keepGoing: flags.keepGoing === true,
    shrinkSeconds: flags.shrinkSeconds,
  };
}

export class UsageError extends Error {}

/** One run, which is carried out in this process. */
export function isSingle(source: Source | undefined): boolean {
  if (source?.kind === "plan") return true;
  return source?.kind === "seeds" && source.range.first === source.range.last;
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError("give a whole number, such as 4711");
  return Number(text);
}

export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new UsageError("give a number above 0, such as 2.5");
  return value;
}

export function workerCount(text: string): number {
  const value = wholeNumber(text);
  if (value < 1 || value > 256) throw new UsageError("give 1 to 256 workers");
  return value;
}

export function seedRange(text: string): SeedRange {
  try {
    return parseSeedRange(text);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
