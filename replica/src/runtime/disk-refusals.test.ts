import { expect, test } from "vitest";
import type { Clock } from "./clock.ts";
import { DiskRefusals } from "./disk-refusals.ts";
import { limits } from "./limits.ts";

test("a disk is refused while peers say so, and only the disk that they meant (B2)", () => {
  let nowMs = 0;
  const refusals = new DiskRefusals({ nowMs: () => nowMs } as Clock, limits);
  expect(refusals.isRefused(1n)).toBe(false);
  refusals.note(1n);
  expect(refusals.isRefused(1n)).toBe(true);
  expect(refusals.isRefused(2n), "after a reset").toBe(false);
  nowMs += limits.diskRefusalMs;
  expect(refusals.isRefused(1n), "nobody says so any more").toBe(false);
});
