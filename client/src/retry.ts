import type { AttemptError } from "./attempt-error.ts";
import { type Reason, RstoreError } from "./errors.ts";

/** Failures that pass: an election, a restart, a full queue. */
const passing: ReadonlySet<Reason> = new Set<Reason>([
  "not-leader",
  "no-leader",
  "no-quorum",
  "not-ready",
  "not-initialized",
  "member-removed",
  "shutting-down",
  "limit-exceeded",
  "unavailable",
  "deadline-exceeded",
  "outcome-unknown",
]);

const backoffFirstMs = 10;
const backoffMaxMs = 500;

export type RetryDecision =
  | { readonly type: "retry"; readonly afterMs: number }
  | { readonly type: "fail"; readonly error: RstoreError };

export interface Attempt {
  readonly write: boolean;
  readonly error: AttemptError;
  /** Attempts made, this one included. */
  readonly attempts: number;
  readonly elapsedMs: number;
  readonly remainingMs: number;
  /** In [0, 1). */
  readonly random: number;
}

/**
 * Reads are tried again whenever the failure passes; writes only when they were certainly not applied. A
 * write whose outcome is unknown is never sent again: a second application could undo another client's
 * write in between, and a compare-and-set could refuse its own success.
 */
export function decideRetry(attempt: Attempt): RetryDecision {
  const { error, write } = attempt;
  const safe = !write || error.applied === "no";
  if (!safe || !passing.has(error.reason)) return { type: "fail", error: finalError(attempt) };
  const afterMs = backoffMs(attempt.attempts, attempt.random);
  // An attempt that could only begin at the deadline would hide the real reason behind a time-out.
  if (afterMs >= attempt.remainingMs) return { type: "fail", error: finalError(attempt) };
  return { type: "retry", afterMs };
}

/** Exponential with jitter between half and the whole; the first retry after a redirect is nearly at once. */
export function backoffMs(attempts: number, random: number): number {
  const ceiling = Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(attempts - 1, 16));
  return ceiling * (0.5 + random / 2);
}

function finalError({ error, write, attempts, elapsedMs }: Attempt): RstoreError {
  const unknown = write && error.applied === "maybe";
  const tries = attempts > 1 ? ` (gave up after ${attempts} attempts in ${Math.round(elapsedMs)} ms)` : "";
  const advice = unknown ? "; the write may have been applied: read the key before you write again" : "";
  return new RstoreError(error.reason, `${error.message}${advice}${tries}`, {
    outcome: unknown ? "unknown" : "not-applied",
    facts: error.facts,
    cause: error,
  });
}
