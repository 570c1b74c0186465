import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decadeScale, linearScale, linePath, pointsOf, rowAt, spanFor } from "./scale.ts";

describe("scales", () => {
  it("hold every value, with few lines at round numbers", () => {
    const value = fc.double({ min: 0, max: 1e7, noNaN: true });
    fc.assert(
      fc.property(value, (highest) => {
        const scale = linearScale(highest);
        expect(scale.position(highest)).toBeLessThanOrEqual(1 + 1e-9);
        expect(scale.ticks.length).toBeGreaterThan(1);
        expect(scale.ticks.length).toBeLessThan(7);
      }),
    );
    fc.assert(
      fc.property(value, value, (a, b) => {
        const scale = decadeScale(Math.min(a, b), Math.max(a, b));
        for (const at of [a, b].map(scale.position)) expect(at >= 0 && at <= 1).toBe(true);
        expect(scale.position(Math.max(a, b))).toBeGreaterThanOrEqual(scale.position(Math.min(a, b)));
      }),
    );
  });

  it("are what a person would draw", () => {
    expect(linearScale(87).ticks).toEqual([0, 50, 100]);
    expect(linearScale(0).ticks[0]).toBe(0);
    expect(decadeScale(0.3, 42).ticks).toEqual([0.1, 1, 10, 100]);
    expect(decadeScale(1, 1).ticks).toEqual([1, 10]);
  });
});

it("the row at a time is the newest that is not later", () => {
  const rows = [[10], [20], [30]] as const;
  expect([5, 10, 19, 20, 99].map((atMs) => rowAt(rows, atMs)?.[0])).toEqual([undefined, 10, 10, 20, 30]);
});

it("a line is broken where nothing was measured for a while", () => {
  const at = (atMs: number, y: number | null) => ({ atMs, x: atMs / 100, y });
  const points = [at(0, 1), at(1_000, 2), at(2_000, null), at(3_000, 3), at(9_000, 4)];
  expect(linePath(points, 3_500)).toBe("M0.0 1.0L10.0 2.0L30.0 3.0M90.0 4.0");
});

it("charts span what there is, ten minutes at most", () => {
  expect([0, 100_000, 121_000, 301_000, 9e6].map((ms) => spanFor(ms).spanMs / 60_000)).toEqual([
    2, 2, 5, 10, 10,
  ]);
});

it("many seconds become one point, of what was measured in them", () => {
  const values = [0, 1_000, 2_000, 5_000, 6_000, 10_000].map((atMs, at) => ({
    atMs,
    value: [3, null, 5, 8, 2, null][at]!,
  }));
  const asPairs = (how: "mean" | "highest") =>
    pointsOf(values, 5_000, how).map(({ atMs, value }) => [atMs, value]);
  expect(asPairs("mean")).toEqual([
    [2_000, 4],
    [6_000, 5],
    [10_000, null],
  ]);
  expect(asPairs("highest").map(([, value]) => value)).toEqual([5, 8, null]);
  expect(pointsOf([], 5_000, "mean")).toEqual([]);
});
