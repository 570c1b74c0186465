import { expect, test } from "vitest";
import type { Exhibit } from "./exhibit.ts";
import { quickSeeds, withExhibits } from "./known-seeds.ts";

const exhibit = (name: string, property: string | undefined, seed: number): Exhibit => ({
  mutation: { name, faults: [], file: "a.ts", search: "a", replace: "" },
  caught: { property, message: "", seed, seeds: 3, seconds: 1 },
});

test("a quick look tries what is known first, then as many others as it may take", () => {
  const seeds = quickSeeds({ seed: 77, seeds: 3 }, 1);
  expect(seeds?.slice(0, 3)).toEqual([77, 1, 2]);
  expect(seeds?.length).toBeGreaterThanOrEqual(60);
  expect(quickSeeds({ seed: 77, seeds: 100 }, 1)?.length).toBe(1001);
  expect(quickSeeds(undefined, 1)).toBeUndefined();
});

test("what was tried replaces what was known; what was not caught is not known any more", () => {
  const known = { a: { seed: 1, seeds: 1 }, b: { seed: 2, seeds: 2 }, c: { seed: 5, seeds: 5 } };
  expect(withExhibits(known, [exhibit("b", undefined, 9), exhibit("a", "stale-read", 4)])).toEqual({
    a: { seed: 4, seeds: 3 },
    c: { seed: 5, seeds: 5 },
  });
});
