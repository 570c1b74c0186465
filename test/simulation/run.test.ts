import { afterEach, expect, test, vi } from "vitest";
import { Safety } from "./check/safety.ts";
import type { SimCluster } from "./cluster/types.ts";
import { drawPlan } from "./plan/draw-plan.ts";
import type { Plan, RunResult } from "./plan/types.ts";
import { runPlan } from "./run.ts";
import { fromEventLoop } from "./world/microtasks.ts";

const DURATION_MS = 4000;

/** The first seconds of a seed's plan. */
function shortPlan(seed: number, faults = true): Plan {
  const plan = drawPlan(seed);
  return {
    ...plan,
    shape: { ...plan.shape, durationMs: DURATION_MS },
    faults: plan.faults.filter(({ atMs }) => faults && atMs < DURATION_MS),
  };
}

function run(plan: Plan, transcript?: (line: string) => void): Promise<RunResult> {
  return fromEventLoop(() => runPlan(plan, { transcript }));
}

function count({ coverage }: RunResult, name: string): number {
  return coverage.find(([counter]) => counter === name)![1];
}

afterEach(() => {
  vi.restoreAllMocks();
});

test.each([3, 4, 9, 17])("seed %i twice gives the same run, watched or not", async (seed) => {
  const lines: string[] = [];
  const first = await run(shortPlan(seed));
  const again = await run(shortPlan(seed), (line) => lines.push(line));
  expect(again.traceHash).toBe(first.traceHash);
  expect(again.steps).toBe(first.steps);
  expect(again.coverage).toEqual(first.coverage);
  expect(lines.length).toBeGreaterThan(10);
});

test("two seeds give two runs", async () => {
  const [one, other] = [await run(shortPlan(3)), await run({ ...shortPlan(3), seed: 4 })];
  expect(one.traceHash).not.toBe(other.traceHash);
});

test("without faults a cluster is founded, serves, and converges", async () => {
  const result = await run(shortPlan(5, false));
  expect(result.violation).toBeUndefined();
  expect(count(result, "writes.acknowledged")).toBeGreaterThan(0);
  expect(count(result, "liveness.converged")).toBe(1);
});

test("the first violation ends the run, and is told with the last events", async () => {
  vi.spyOn(Safety.prototype, "afterStep").mockImplementation((cluster) => {
    const { world } = cluster as SimCluster;
    if (world.steps === 2000) world.fail("election-safety", "two lead");
  });
  const result = await run(shortPlan(5, false));
  expect(result.violation).toMatchObject({ property: "election-safety", step: 2000 });
  expect(result.lastEvents.at(-1)).toContain("VIOLATED");
});

test("a cluster that does not agree in time breaks liveness", async () => {
  vi.spyOn(Safety.prototype, "afterStep").mockImplementation((cluster) => {
    const { world, slots } = cluster as SimCluster;
    // From the end of the safety phase on nobody can follow.
    if (world.nowUs > DURATION_MS * 1000) for (const slot of slots.slice(1)) slot.pause();
  });
  const result = await run(shortPlan(5, false));
  expect(result.violation?.property).toBe("converges");
});
