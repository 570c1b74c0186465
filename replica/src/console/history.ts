import type { HistoryRow } from "./console-state.ts";

/** Counts of a histogram's buckets so far: one for each upper bound, ascending, in seconds, and one above. */
export interface Buckets {
  readonly bounds: readonly number[];
  readonly counts: ArrayLike<number>;
}

/** What a replica has counted since its start. */
export interface Counters {
  readonly revision: number;
  /** Requests that the store could not serve. */
  readonly failed: number;
  /** Of all requests that were answered, the failed ones too. */
  readonly requestDurations: Buckets;
  readonly flushDurations: Buckets;
}

/** Counters at a time, kept apart from those that go on counting. */
export interface CountersAt extends Counters {
  readonly atMs: number;
}

export function countersAt(atMs: number, counters: Counters): CountersAt {
  const copy = ({ bounds, counts }: Buckets): Buckets => ({ bounds, counts: Float64Array.from(counts) });
  const { requestDurations, flushDurations } = counters;
  return {
    ...counters,
    atMs,
    requestDurations: copy(requestDurations),
    flushDurations: copy(flushDurations),
  };
}

/** What happened between two looks. A counter that went back, after a reset of the replica, counts from 0. */
export function historyRow(before: CountersAt, now: CountersAt): HistoryRow {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1_000);
  const rate = (a: number, b: number): number => round((b >= a ? b - a : b) / seconds);
  const requests = difference(before.requestDurations, now.requestDurations);
  const flushes = difference(before.flushDurations, now.flushDurations);
  return [
    Math.round(now.atMs),
    round(total(requests) / seconds),
    // A replica that has just opened its store has the changes of the past at once.
    before.revision === 0 ? 0 : rate(before.revision, now.revision),
    rate(before.failed, now.failed),
    quantileMs(requests, 0.5),
    quantileMs(requests, 0.99),
    quantileMs(flushes, 0.5),
    quantileMs(flushes, 0.99),
  ];
}

function difference(before: Buckets, now: Buckets): Buckets {
  const isSame = before.counts.length === now.counts.length;
  const counts = Array.from(now.counts, (count, i) => Math.max(0, count - (isSame ? before.counts[i]! : 0)));
  return { bounds: now.bounds, counts };
}

/**
 * As Prometheus' histogram_quantile: linear within the bucket; what is above the highest bound counts as that
 * bound. Milliseconds; null without observations.
 */
export function quantileMs({ bounds, counts }: Buckets, quantile: number): number | null {
  const all = total({ bounds, counts });
  if (all === 0) return null;
  const rank = quantile * all;
  let below = 0;
  for (let i = 0; i < bounds.length; i++) {
    const count = counts[i]!;
    if (count > 0 && below + count >= rank) {
      const lower = i === 0 ? 0 : bounds[i - 1]!;
      return round(1_000 * (lower + (bounds[i]! - lower) * ((rank - below) / count)));
    }
    below += count;
  }
  return round(1_000 * (bounds.at(-1) ?? 0));
}

function total({ counts }: Buckets): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += counts[i]!;
  return sum;
}

/** Three digits are all that a chart shows. */
function round(value: number): number {
  return Number(value.toPrecision(3));
}
