import { describe, expect, it } from "vitest";
import { type Counters, countersAt, historyRow, quantileMs } from "./history.ts";

const bounds = [0.001, 0.01, 0.1];
const counters = (change: Partial<Counters> = {}): Counters => ({
  revision: 100,
  failed: 0,
  requestDurations: { bounds, counts: [0, 0, 0, 0] },
  flushDurations: { bounds, counts: [0, 0, 0, 0] },
  ...change,
});

describe("quantileMs", () => {
  it("is linear within its bucket, as Prometheus has it", () => {
    expect(quantileMs({ bounds, counts: [10, 0, 0, 0] }, 0.5)).toBe(0.5);
    expect(quantileMs({ bounds, counts: [5, 5, 0, 0] }, 0.75)).toBe(5.5);
    expect(quantileMs({ bounds, counts: [0, 0, 100, 0] }, 1)).toBe(100);
  });

  it("has nothing to say without observations, and no more than the highest bound", () => {
    expect(quantileMs({ bounds, counts: [0, 0, 0, 0] }, 0.5)).toBeNull();
    expect(quantileMs({ bounds, counts: [0, 0, 0, 7] }, 0.99)).toBe(100);
    expect(quantileMs({ bounds: [], counts: [] }, 0.5)).toBeNull();
  });
});

describe("historyRow", () => {
  it("has rates of what lies between two looks, over the time that really passed", () => {
    const before = countersAt(1_000, counters());
    const counts = [10, 0, 0, 0];
    const now = countersAt(
      3_000,
      counters({ revision: 140, failed: 4, requestDurations: { bounds, counts } }),
    );
    expect(historyRow(before, now)).toEqual([3_000, 5, 20, 2, 0.5, 0.99, null, null]);
  });

  it("counters go on; what was copied does not", () => {
    const counts = new Float64Array(4);
    const before = countersAt(0, counters({ flushDurations: { bounds, counts } }));
    counts[1] = 3;
    const now = countersAt(1_000, counters({ flushDurations: { bounds, counts } }));
    expect(historyRow(before, now).slice(6)).toEqual([5.5, 9.91]);
  });

  it("a replica that has just read its store made no changes; one that was reset counts anew", () => {
    const start = countersAt(0, counters({ revision: 0 }));
    const opened = countersAt(1_000, counters({ revision: 5_000 }));
    expect(historyRow(start, opened)[2]).toBe(0);
    expect(historyRow(opened, countersAt(2_000, counters({ revision: 3 })))[2]).toBe(3);
  });
});
