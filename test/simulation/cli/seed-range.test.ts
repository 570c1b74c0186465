import { expect, test } from "vitest";
import { parseSeedRange, seedsOf } from "./seed-range.ts";

test("a seed or a range of seeds, both ends included", () => {
  expect([...seedsOf(parseSeedRange("7"))]).toEqual([7]);
  expect([...seedsOf(parseSeedRange("3..6"))]).toEqual([3, 4, 5, 6]);
  expect([...seedsOf(parseSeedRange(" 0..0 "))]).toEqual([0]);
});

test("anything else is refused, with an example", () => {
  for (const text of [
    "",
    "x",
    "5..",
    "..5",
    "6..5",
    "1-5",
    "1..2..3",
    "-1..5",
    "1.5..2",
    "1e3",
    "9".repeat(16),
  ]) {
    expect(() => parseSeedRange(text), text).toThrow("1..2000");
  }
});
