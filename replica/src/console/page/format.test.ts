import { expect, it } from "vitest";
import {
  bytesText,
  countText,
  durationText,
  latencyText,
  listText,
  percentText,
  shortCount,
} from "./format.ts";

it("numbers are short, and have their unit", () => {
  expect([0, 999, 1_234_567].map(countText)).toEqual(["0", "999", "1,234,567"]);
  expect([0, 50, 1_500, 2_000_000].map(shortCount)).toEqual(["0", "50", "1.5 k", "2 M"]);
  expect([0, 1_023, 1_536, 5 * 2 ** 30, 300 * 2 ** 20].map(bytesText)).toEqual([
    "0 B",
    "1023 B",
    "1.5 KiB",
    "5.0 GiB",
    "300 MiB",
  ]);
  expect([0.213, 3.14, 42.4, 1_500].map(latencyText)).toEqual(["0.21 ms", "3.1 ms", "42 ms", "1.5 s"]);
  expect([0, 0.0004, 0.012, 0.5].map(percentText)).toEqual(["0 %", "<0.1 %", "1.2 %", "50 %"]);
  expect([-5, 12_000, 600_000, 7_200_000, 9e8].map(durationText)).toEqual([
    "0 s",
    "12 s",
    "10 min",
    "2 h",
    "10 d",
  ]);
});

it("names are listed as one says them", () => {
  expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(listText)).toEqual(["", "a", "a and b", "a, b and c"]);
});
