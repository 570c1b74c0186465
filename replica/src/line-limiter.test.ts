import { expect, test } from "vitest";
import { LineLimiter } from "./line-limiter.ts";

test("a line that repeats passes once in a while, and then says how many did not", () => {
  const limiter = new LineLimiter(1000);
  const admitted = [0, 1, 500, 999, 1000, 1001, 5000].map((nowMs) => limiter.admit("a", nowMs));
  expect(admitted).toEqual([0, undefined, undefined, undefined, 3, undefined, 1]);
});

test("lines of one kind do not hold up another's", () => {
  const limiter = new LineLimiter(1000);
  expect([limiter.admit("a", 0), limiter.admit("b", 1), limiter.admit("a", 2)]).toEqual([0, 0, undefined]);
});

test("whoever makes up a name for each line gets so many in a while, and no memory", () => {
  const limiter = new LineLimiter(1000);
  let admitted = 0;
  for (let i = 0; i < 10_000; i++) if (limiter.admit(`name ${i}`, 1) !== undefined) admitted++;
  expect(admitted).toBeLessThan(100);
  expect(limiter.admit("later", 1000)).toBeUndefined();
  // What the flood kept back is said by the line that follows it.
  expect(limiter.admit("another", 1001)).toBe(0);
});
