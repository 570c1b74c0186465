import { beforeEach, expect, test } from "vitest";
import { Liveness } from "./liveness.ts";
import { ManualClock } from "./raft-loop-harness.ts";

let clock: ManualClock;
let turns: number | undefined;
let liveness: Liveness;

beforeEach(() => {
  clock = new ManualClock();
  turns = 1;
  liveness = new Liveness({ clock, turns: () => turns });
  liveness.start();
});

test("a loop that stands still for many looks is told, and no longer when it turns again", async () => {
  await clock.idle(10_000);
  expect(liveness.problems()).toEqual([]);
  await clock.idle(2_000);
  expect(liveness.problems()).toEqual([expect.stringContaining("stood still")]);
  turns = 2;
  await clock.idle(1_000);
  expect(liveness.problems()).toEqual([]);
});

test("a process that was held up for long is alive: looks count, not time (C4)", async () => {
  await clock.idle(5_000);
  await clock.advance(3_600_000);
  expect(liveness.problems()).toEqual([]);
});

test("without a member there is nothing that should turn: blank, removed, recovering (C4)", async () => {
  turns = undefined;
  await clock.idle(60_000);
  expect(liveness.problems()).toEqual([]);
});

test("it leaves no timer behind", async () => {
  await clock.idle(3_000);
  liveness.stop();
  expect(clock.timers).toBe(0);
});
