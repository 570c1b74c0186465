import { expect, test } from "vitest";
import { Coverage } from "../world/coverage.ts";
import { fromEventLoop } from "../world/microtasks.ts";
import { World } from "../world/world.ts";
import { ProcessClock } from "./process-clock.ts";
import { ProcessLife } from "./process-life.ts";

function createProcess(rate: number) {
  const world = new World({ seed: 1, coverage: new Coverage(), transcript: undefined });
  const life = new ProcessLife(world, () => {});
  const random = world.random("clock");
  const clock = new ProcessClock({ world, life, random, rate, startMs: 500, wallStartMs: 1_000_000 });
  return { world, life, clock };
}

function runUntil(world: World, ms: number): void {
  while (world.step(ms * 1000)) {}
}

const inWorld = (body: () => void) => () => fromEventLoop(body);

test(
  "a clock that runs 20 % fast says so, and its timers come early by the world's time",
  inWorld(() => {
    const { world, clock } = createProcess(1.2);
    const fired: number[] = [];
    clock.after(120, () => fired.push(world.nowUs));
    runUntil(world, 1000);
    expect(fired).toEqual([100_000]);
    expect(clock.nowMs()).toBeCloseTo(500 + 1200);
  }),
);

test(
  "a timer never fires before its time, however odd the rate",
  inWorld(() => {
    for (const rate of [0.8, 0.93, 1, 1 / 0.9, 1.1999]) {
      const { world, clock } = createProcess(rate);
      const dueMs = clock.nowMs() + 33.3;
      clock.after(33.3, () => expect(clock.nowMs()).toBeGreaterThan(dueMs - 1e-6));
      runUntil(world, 100);
    }
  }),
);

test(
  "a change of rate moves the timers that wait",
  inWorld(() => {
    const { world, clock } = createProcess(1);
    const fired: number[] = [];
    clock.after(100, () => fired.push(world.nowUs));
    runUntil(world, 50);
    clock.setRate(0.8);
    runUntil(world, 1000);
    expect(fired).toEqual([50_000 + 62_500]);
    expect(clock.nowMs()).toBeCloseTo(500 + 50 + 950 * 0.8);
  }),
);

test(
  "after a pause stale timers fire late and in order, each in an event of its own, and time has gone on",
  inWorld(() => {
    const { world, life, clock } = createProcess(1);
    const fired: string[] = [];
    clock.after(20, () => {
      fired.push("20");
      void Promise.resolve().then(() => fired.push("reaction"));
    });
    clock.after(10, () => fired.push("10"));
    clock.soon(() => fired.push("soon"));
    life.pause();
    runUntil(world, 300);
    expect(fired).toEqual([]);
    life.resume();
    clock.soon(() => fired.push("soon after"));
    runUntil(world, 301);
    expect(fired).toEqual(["soon", "10", "20", "reaction", "soon after"]);
    expect(clock.nowMs()).toBe(801);
  }),
);

test(
  "a timer cancelled while it waits for the end of a pause does not fire",
  inWorld(() => {
    const { world, life, clock } = createProcess(1);
    const fired: string[] = [];
    const cancel = clock.after(10, () => fired.push("cancelled"));
    life.pause();
    runUntil(world, 100);
    cancel();
    life.resume();
    runUntil(world, 200);
    expect(fired).toEqual([]);
  }),
);

test(
  "the timers of a life that is over call nothing, also those that had waited for the end of a pause",
  inWorld(() => {
    const { world, life, clock } = createProcess(1);
    const fired: string[] = [];
    clock.after(10, () => fired.push("timer"));
    clock.soon(() => fired.push("soon"));
    life.pause();
    runUntil(world, 100);
    life.resume();
    life.end();
    clock.after(10, () => fired.push("late"));
    runUntil(world, 1000);
    expect(fired).toEqual([]);
  }),
);
